"""Exceptions that several rooms raise or catch; this module imports no other of the project."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal

FailureKind = Literal["out-of-memory", "nan", "decode", "method-error", "time-limit", "interrupted"]
"""Reasons why a pair has no video, as stated in records."""


class VideoError(ValueError):
    """A video cannot be read, written or normalised; the message states the reason."""


class MachineError(OSError):
    """The machine cannot continue, whatever the method; the message states the reason."""


MACHINE_ERRNOS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),  # full, or read-only
        *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN),  # gone, or broken
        *(errno.EMFILE, errno.ENFILE),  # no more open files
    }
)
"""Error codes of the system for which neither a method nor a file is responsible."""

Fault = Literal["machine", "user", "method"]


def fault_of(error: BaseException, place: Path | None = None) -> Fault:
    """Decide who is responsible for an error: the single rule of all loops and commands.

    An error of the machine ends the command, because every later result would fail too. An error of
    the user (a path, weights, a name) also ends it if it occurs before anything is generated. An
    error of the method is recorded, and the next pair begins.

    Args:
        error: What was raised.
        place: The results folder. Errors when writing to it are the machine's, because a method
        has no influence on the location of results.
    """
    if isinstance(error, MachineError):
        return "machine"
    if isinstance(error, OSError):
        if error.errno in MACHINE_ERRNOS:
            return "machine"
        denied = error.errno in (errno.EACCES, errno.EPERM)
        if place is not None and (denied or not place.exists()):
            return "machine"
    if isinstance(error, (KeyError, IndexError, VideoError)):
        return "method"  # an inner mistake; one clip that does not decode
    if isinstance(error, (ValueError, LookupError, OSError, ImportError)):
        return "user"
    return "method"


def raise_if_machine(error: BaseException, place: Path | None = None) -> None:
    """Raise an error again if it is the machine's, so that no file or method is blamed.

    Args:
        error: What was raised.
        place: As in `fault_of`.
    """
    if fault_of(error, place) == "machine":
        raise error


def in_words(error: BaseException) -> str:
    """Describe an error in one sentence; system errors by text and path, without the number."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: '{error.filename}'."
    return " ".join(str(error).split()) or type(error).__name__


class BrokenFileError(ValueError):
    """A file of a results folder does not have the format of any version known to this smmbench."""


class ToldToEndError(SystemExit):
    """A signal ended this process; unlike `sys.exit` in a method, no pair has failed."""


class CommandError(RuntimeError):
    """A command of the official code produced no video; the message states the reason.

    Attributes:
        kind: The kind of failure for the record.
        log: What the command printed.
    """

    def __init__(self, message: str, kind: FailureKind = "method-error", log: bytes = b"") -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.log = log
