"""The outcome of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A check that was tried.

    Attributes:
        check: Its name.
        statement: What must be so, in one sentence.
        holds: Whether it is.
        found: What was found instead; empty if it holds.
    """

    check: str
    statement: str
    holds: bool
    found: str


def tried(check: str, statement: str, faults: Callable[[], list[str]]) -> Finding:
    """Try a check; one that cannot be tried is broken too."""
    try:
        found = faults()
    except Exception as error:  # whatever a broken metric does
        found = [f"{type(error).__name__}: {error}"]
    return Finding(check, statement, not found, "; ".join(found))
