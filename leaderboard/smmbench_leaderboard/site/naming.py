"""Names of files for names of methods, clips and datasets, which come from strangers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

LONGEST = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def slug(name: str) -> str:
    """A file name for any text: a-z, 0-9, `.`, `_` and `-`, the same on every file system.

    A name that consists of these stays as it is; any other gets a hash, so that two names never
    share a file, also where case does not count.
    """
    safe = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:LONGEST].strip("-.") or "name"
    if safe == name and not _RESERVED.fullmatch(name):
        return name
    return f"{safe}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def slugs(names: Iterable[str]) -> dict[str, str]:
    """The slug of each name."""
    return {name: slug(name) for name in names}
