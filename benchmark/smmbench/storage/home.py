"""Where the toolkit keeps what it fetched or computed once, and how files are hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SUMS = "SHA256SUMS"


def home() -> Path:
    """Folder of caches: `SMMBENCH_HOME`, else `smmbench` in the user's cache folder."""
    if chosen := os.environ.get("SMMBENCH_HOME"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "smmbench"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def published_sha256(folder: Path) -> dict[str, str]:
    """Read `folder`/SHA256SUMS: hashes of published files, by path relative to `folder`.

    A line is `<sha256>  <path>`, as `sha256sum` writes it. Empty where there is no list.
    """
    listed = folder / SUMS
    if not listed.is_file():
        return {}
    lines = (line.split(maxsplit=1) for line in listed.read_text("utf-8").splitlines())
    return {words[1].lstrip("*"): words[0] for words in lines if len(words) == 2}


def folder_sha256(folder: Path, pattern: str = "*.safetensors") -> dict[str, str]:
    """SHA-256 of every file below `folder` that matches, by its path relative to it."""
    return {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob(pattern))
    }
