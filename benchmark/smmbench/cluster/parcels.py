"""Transfer files between nodes without a shared folder: complete, verified and put in place."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from smmbench.errors import MachineError
from smmbench.storage.atomic import atomic_path
from smmbench.storage.processes import is_running, this_machine


@dataclass(frozen=True)
class Parcel:
    """Files by their names below a folder, with the SHA-256 of each at its origin."""

    files: dict[str, bytes]
    sha256: dict[str, str]

    @staticmethod
    def of(folder: Path, names: Iterable[str]) -> Parcel:
        """Read the existing ones among some files of a folder."""
        files = {}
        for name in names:
            with suppress(FileNotFoundError):
                files[name] = (folder / name).read_bytes()
        return Parcel(files, {name: _sha256(content) for name, content in files.items()})

    def put(self, folder: Path) -> None:
        """Write the files below a folder, in order, each atomically.

        Raises:
            MachineError: A file was damaged in transfer; then none is written.
        """
        self.refuse_damage()
        for name, content in self.files.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(content)

    def refuse_damage(self) -> None:
        """Raise `MachineError` unless every file is complete and unchanged."""
        for name, sha256 in self.sha256.items():
            arrived = _sha256(self.files[name]) if name in self.files else "nothing"
            if arrived != sha256:
                raise MachineError(
                    f"'{name}' was damaged in transfer: its SHA-256 is {arrived} instead of "
                    f"{sha256}."
                )


@dataclass(frozen=True)
class Sign:
    """A file by which a node detects whether it shares a folder with the head."""

    path: Path
    content: str

    def seen(self) -> bool:
        """Whether this process sees the same file and may write next to it."""
        try:
            same = self.path.read_text(encoding="utf-8") == self.content
        except OSError:
            return False
        return same and os.access(self.path.parent, os.W_OK)


@contextmanager
def sign_in(folder: Path) -> Iterator[Sign]:
    """Put a sign into a folder; it is removed again, as is the folder if it was created for it.

    It has the name of a temporary file, so that one left by a killed process is removed too.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    content = secrets.token_hex(16)
    path = folder / f".tmp-{this_machine()}-{os.getpid()}-{content[:8]}.sign"
    path.write_text(content, encoding="utf-8")
    try:
        yield Sign(path.resolve(), content)
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            if made:
                folder.rmdir()  # fails, as it should, if the folder is not empty


def spool() -> Path:
    """A folder of this process for files to be fetched; those of dead processes are removed."""
    place = Path(tempfile.gettempdir())
    name = re.compile(rf"smmbench-spool-{this_machine()}-(\d+)-")
    for path in place.glob("smmbench-spool-*"):
        if (found := name.match(path.name)) and not is_running(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"smmbench-spool-{this_machine()}-{os.getpid()}-"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
