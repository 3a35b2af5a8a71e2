"""One thing that was looked at: whether it works here, and what to do if not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["works", "not here", "broken"]


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        name: What was looked at: `model emoji`.
        state: `works`; `not here`, which may be as the user wants it; or `broken`.
        found: What is here: versions, sizes, places; or why it does not work.
        mend: What to do about it; empty if nothing is to be done.
        needed: Whether the embedded world cannot run without it.
    """

    name: str
    state: State
    found: str
    mend: str = ""
    needed: bool = False


Checks = Callable[[], Iterator[Check]]


def guarded(name: str, checks: Checks, needed: bool = False) -> Iterator[Check]:
    """Run checks; one that fails to look is itself a finding, and the others go on."""
    try:
        yield from checks()
    except Exception as error:  # a broken install may raise anything
        reason = (str(error).splitlines() or [""])[0]
        mend = "Install the toolkit again: pip install --force-reinstall smmbench"
        if isinstance(error, PermissionError):
            mend = "Make that readable, or let SMMBENCH_HOME name a folder of your own."
        yield Check(name, "broken", f"{type(error).__name__}: {reason}", mend, needed)
