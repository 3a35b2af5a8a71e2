"""Work that an earlier run did and a cache kept: what it took stays part of the cost.

Whoever takes something from a cache says what it took to make; whoever keeps the clock counts it.
So a run that found its adapters tuned is not taken for one that tunes in no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Kept:
    """What earlier runs spent on work that was taken from caches, since the counting began.

    Attributes:
        seconds: In all.
        peak: Bytes of memory at the highest.
    """

    seconds: float = 0.0
    peak: int = 0


_counting: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def counting_kept() -> Iterator[Kept]:
    """Count what the body takes from caches, in this thread."""
    token = _counting.set(Kept())
    try:
        counting = _counting.get()
        assert counting is not None
        yield counting
    finally:
        _counting.reset(token)


def count_kept(seconds: float, peak: int = 0) -> None:
    """Say that work was taken from a cache; where nobody counts, nothing happens.

    Args:
        seconds: It took, once.
        peak: Bytes of memory it took at the highest; 0 where that was not kept.

    Raises:
        ValueError: Less than nothing.
    """
    if min(seconds, peak) < 0:
        raise ValueError(f"Seconds and bytes are 0 or more, got {seconds} and {peak}.")
    if (counting := _counting.get()) is not None:
        counting.seconds += seconds
        counting.peak = max(counting.peak, peak)
