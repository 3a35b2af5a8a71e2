"""The outcome of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The outcome of a check.

    Attributes:
        check: Name of the check.
        statement: What must hold, in one sentence.
        holds: Whether it holds.
        found: What was found instead; empty if it holds.
    """

    check: str
    statement: str
    holds: bool
    found: str


def tried(check: str, statement: str, faults: Callable[[], list[str]]) -> Finding:
    """Run a check; one that raises an error counts as failed."""
    try:
        found = faults()
    except Exception as error:  # whatever a broken metric does
        found = [f"{type(error).__name__}: {error}"]
    return Finding(check, statement, not found, "; ".join(found))
