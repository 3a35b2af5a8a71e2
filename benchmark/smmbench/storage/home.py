"""The toolkit's home folder for downloads and caches, and hashes of files."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from smmbench.errors import MachineError

SUMS = "SHA256SUMS"


def home() -> Path:
    """Return the cache folder: `SMMBENCH_HOME`, or `smmbench` in the user's cache folder.

    Raises:
        MachineError: The user has no home folder; the message says what to set.
    """
    if chosen := os.environ.get("SMMBENCH_HOME"):
        return Path(chosen).expanduser() if chosen.startswith("~") else Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "smmbench"
    except RuntimeError as error:  # as in a container whose user has no entry and no HOME
        raise MachineError(
            "This user has no home folder for caches. Set SMMBENCH_HOME to a writable folder."
        ) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in lower-case hexadecimal; raises `OSError` for a pipe."""
    if path.exists() and not path.is_file():  # it would be waited for
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of the names and contents of its files, one level deep.

    Hidden files do not count: file managers put them there.
    """
    if not path.is_dir():
        return file_sha256(path)
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            digest.update(f"{file.name}\0{file_sha256(file)}\n".encode())
    return digest.hexdigest()


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
