"""Cost of cached work: what an earlier run spent remains part of the cost.

Code that reads from a cache reports what the entry cost to compute; code that measures time adds
it. A run that finds its adapters already tuned therefore does not appear to tune in no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Kept:
    """Cost of the cached work that was reused since counting started.

    Attributes:
        seconds: Total time.
        peak: Peak memory in bytes.
    """

    seconds: float = 0.0
    peak: int = 0


_counting: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def counting_kept() -> Iterator[Kept]:
    """Count the cost of the cached work that the body reuses, in this thread."""
    token = _counting.set(Kept())
    try:
        counting = _counting.get()
        assert counting is not None
        yield counting
    finally:
        _counting.reset(token)


def count_kept(seconds: float, peak: int = 0) -> None:
    """Report reused cached work; without a counter, nothing happens.

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
