"""File names for names of methods, clips and datasets, which are untrusted text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

LONGEST = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def slug(name: str) -> str:
    """Return a file name for any text: a-z, 0-9, `.`, `_` and `-`, valid on every file system.

    A name of only these characters stays as it is; any other gets a hash, so two names never share
    a file, even on file systems that ignore case.
    """
    safe = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:LONGEST].strip("-.") or "name"
    if safe == name and not _RESERVED.fullmatch(name):
        return name
    return f"{safe}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Return the slug of each name."""
    return {name: slug(name) for name in names}
