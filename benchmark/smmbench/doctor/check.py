"""One check: whether something works here, and what to do if it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["works", "not here", "broken"]


@dataclass(frozen=True)
class Check:
    """The outcome of a check.

    Attributes:
        name: What was checked: `model emoji`.
        state: `works`; `not here`, which may be intended; or `broken`.
        found: What was found: versions, sizes, locations; or why it does not work.
        mend: How to fix it; empty if nothing needs to be done.
        needed: Whether the embedded world requires it.
    """

    name: str
    state: State
    found: str
    mend: str = ""
    needed: bool = False


Checks = Callable[[], Iterator[Check]]


def guarded(name: str, checks: Checks, needed: bool = False) -> Iterator[Check]:
    """Run checks; a check that raises an error is itself a finding, and the others continue."""
    try:
        yield from checks()
    except Exception as error:  # a broken install may raise anything
        reason = (str(error).splitlines() or [""])[0]
        mend = "Reinstall the toolkit: pip install --force-reinstall smmbench"
        if isinstance(error, PermissionError):
            mend = "Make it readable, or set SMMBENCH_HOME to a folder of your own."
        yield Check(name, "broken", f"{type(error).__name__}: {reason}", mend, needed)
