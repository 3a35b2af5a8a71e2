"""The verdict of one check, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["kept", "warning", "broken", "skipped"]


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes:
        outcome: `kept`; `warning`: needs review; `broken`; `skipped`: could not be run.
        said: What was found, in one sentence.
        advice: What to do about it; empty if the check is kept.
    """

    outcome: Outcome
    said: str
    advice: str = ""


@dataclass(frozen=True)
class Finding:
    """A verdict with its check; the fields are those of `Verdict`."""

    check: str
    outcome: Outcome
    said: str
    advice: str = ""
    seconds: float = 0.0


def kept(said: str) -> Verdict:
    """Return the verdict of a passed check."""
    return Verdict("kept", said)


def warning(said: str, advice: str) -> Verdict:
    """Return the verdict of a passed check that needs review."""
    return Verdict("warning", said, advice)


def broken(said: str, advice: str) -> Verdict:
    """Return the verdict of a failed check."""
    return Verdict("broken", said, advice)


def skipped(said: str) -> Verdict:
    """Return the verdict of a check that could not run because of another."""
    return Verdict("skipped", said)
