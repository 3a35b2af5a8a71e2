"""Exceptions that several rooms raise or catch; this module imports no other of the project."""

from __future__ import annotations

from typing import Literal

FailureKind = Literal["out-of-memory", "nan", "decode", "method-error", "time-limit", "interrupted"]
"""Why a pair has no video, as records state it."""


class VideoError(ValueError):
    """A video cannot be read, written, or brought to the normal form; the message says why."""


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
