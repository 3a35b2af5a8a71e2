"""Atomic file writes: a file appears complete or not at all."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smmbench.storage.processes import is_running, this_machine


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # asked once: asking changes it for a moment, in all threads
_TEMPORARY = re.compile(r"\.tmp-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-")


@contextmanager
def atomic_path(path: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on a clean exit it is renamed to `path`, durably.

    The temporary name keeps the extension of `path` (writers of videos choose a format by it) and
    starts with a dot and `tmp`, so that no reader mistakes it for a result. On an exception it is
    removed and `path` is unchanged. Files that killed processes left in the folder are removed
    first.

    Args:
        path: The file.
        durable: Whether to wait until the disk has it. Not needed where a reader recognises a file
            that a power failure cut off, and can compute it again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".tmp-{this_machine()}-{os.getpid()}-", suffix=path.suffix
        )
    except OSError as error:
        error.filename = str(path)  # the user knows this name, and not the temporary one
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)  # mkstemp made it readable by its owner alone
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock a folder; any other process or thread that locks it waits.

    The lock protects information that spans several files. The system releases it when its holder
    ends, in whatever way. Without such locks (Windows, some network file systems), nobody waits.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def closest_existing(folder: Path) -> Path:
    """Return a folder, or the closest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def why_not_writable(folder: Path) -> str:
    """Return why no file can be written into a folder; empty if one can.

    A folder that does not exist is judged by the closest one above it that does, so that nothing
    is left behind.
    """
    place = closest_existing(folder)
    if not place.is_dir():
        return f"'{place}' is not a folder"
    try:
        with tempfile.TemporaryFile(dir=place):
            return ""
    except OSError as error:
        return f"'{place}' does not accept files ({error.strerror or error})"


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`.

    A file of a process that still runs here stays, and so does one of another machine that is
    younger than a day: two runs may share a folder.
    """
    for path in folder.glob(".tmp-*"):
        name = _TEMPORARY.match(path.name)
        dead = (
            name is not None
            and name["machine"] == this_machine()
            and not is_running(int(name["pid"]))
        )
        try:
            if dead or time.time() - path.stat().st_mtime > 24 * 3600:
                path.unlink()
        except OSError:
            continue  # it became a whole file just now, or may not be removed


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can (Windows cannot open a folder)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
