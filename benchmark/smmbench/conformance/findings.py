"""The verdict of one check, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["kept", "warning", "broken", "skipped"]


@dataclass(frozen=True)
class Verdict:
    """What a check says of a method.

    Attributes:
        outcome: `kept`; `warning`: a person should look; `broken`; `skipped`: could not be tried.
        said: What was found, a sentence.
        advice: What to do about it; empty if it is kept.
    """

    outcome: Outcome
    said: str
    advice: str = ""


@dataclass(frozen=True)
class Finding:
    """A verdict with the check that it is of; fields as in `Verdict`."""

    check: str
    outcome: Outcome
    said: str
    advice: str = ""
    seconds: float = 0.0


def kept(said: str) -> Verdict:
    """The check is kept."""
    return Verdict("kept", said)


def warning(said: str, advice: str) -> Verdict:
    """A person should look, but nothing is against the contract."""
    return Verdict("warning", said, advice)


def broken(said: str, advice: str) -> Verdict:
    """The check is broken."""
    return Verdict("broken", said, advice)


def skipped(said: str) -> Verdict:
    """The check could not be tried, because of another."""
    return Verdict("skipped", said)
