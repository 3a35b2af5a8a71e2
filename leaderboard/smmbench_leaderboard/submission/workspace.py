"""The folder into which a submission is unpacked; it is always removed at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smmbench.storage.ending import ending_by_exception

PREFIX = "smmbench-verify-"
LOCK = "lock"


@contextmanager
def workspace() -> Iterator[Path]:
    """Provide an empty folder, and remove it at the end, after an error or a signal too.

    A killed process cannot remove its folder, so the next process does. Each process holds a lock
    in its folder, which the system releases when the process ends; a folder whose lock is free
    belongs to nobody.
    """
    with ending_by_exception():
        _sweep(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(lock)
            yield folder
        finally:
            _remove(folder)
            os.close(lock)


def _sweep(place: Path) -> None:
    """Remove the folders of processes that have ended."""
    for folder in place.glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:  # being created or removed, or not ours
            continue
        try:
            if _lock(lock):
                _remove(folder)
        finally:
            os.close(lock)


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last, so that the next process can resume the removal."""
    with suppress(OSError):  # another one may have removed it already
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOCK:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _lock(handle: int) -> bool:
    """Lock an open file; False if another process has it, or the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
