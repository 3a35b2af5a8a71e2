"""Exceptions that several rooms raise or catch; this module imports no other of the project."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal

FailureKind = Literal["out-of-memory", "nan", "decode", "method-error", "time-limit", "interrupted"]
"""Why a pair has no video, as records state it."""


class VideoError(ValueError):
    """A video cannot be read, written, or brought to the normal form; the message says why."""


class MachineError(OSError):
    """The machine has no place or no way to go on, whatever the method; the message says why."""


MACHINE_ERRNOS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),  # full, or read-only
        *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN),  # gone, or broken
        *(errno.EMFILE, errno.ENFILE),  # no more open files
    }
)
"""What the system says when neither a method nor a file is at fault."""

Fault = Literal["machine", "user", "method"]


def fault_of(error: BaseException, place: Path | None = None) -> Fault:
    """Say whose fault an error is: the one rule of all loops and commands.

    The machine's ends the command, for every later result would fail as well; the user's
    (a path, weights, a name) ends it too where it is met before anything is made; the method's is
    recorded, and the next pair begins.

    Args:
        error: What was raised.
        place: The folder that is written into. An error of writing there is the machine's: a
            method has no say in where results lie.
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
    """Raise an error again if it is the machine's, so that no file or method is blamed for it.

    Args:
        error: What was raised.
        place: As in `fault_of`.
    """
    if fault_of(error, place) == "machine":
        raise error


def in_words(error: BaseException) -> str:
    """Say an error in one sentence, that of the system with the path and without its number."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: '{error.filename}'."
    return " ".join(str(error).split()) or type(error).__name__


class BrokenFileError(ValueError):
    """A file of a results folder is not what its name says, in no version that is known here."""


class ToldToEndError(SystemExit):
    """A signal told this process to end: no failure of a pair, as `sys.exit` in a method is."""


class CommandError(RuntimeError):
    """A command of official code produced no video; the message says why.

    Attributes:
        kind: The kind of failure for the record.
        log: What the command printed.
    """

    def __init__(self, message: str, kind: FailureKind = "method-error", log: bytes = b"") -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.log = log
