"""Numbers that a method reports while it runs, such as its loss; the run loop records them.

A method reports where it computes, and its caller collects. Without a collector, reporting costs
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Series = dict[str, tuple[float, ...]]
Reports = dict[str, list[Any]]

_collecting: ContextVar[Reports | None] = ContextVar("reports", default=None)


@contextmanager
def collecting() -> Iterator[Reports]:
    """Collect the reports of the body in this thread: by name, the values of each step."""
    reports: Reports = {}
    token = _collecting.set(reports)
    try:
        yield reports
    finally:
        _collecting.reset(token)


def report(name: str, values: Any) -> None:
    """Report one step of a series.

    Args:
        name: Name of the series, such as `guidance_loss_last`.
        values: One number for each sample of the batch, as a tensor or a sequence; a tensor is read
            when the batch is done, so that a GPU does not wait.
    """
    if (reports := _collecting.get()) is not None:
        reports.setdefault(name, []).append(values)


def series_of(reports: Reports, samples: int) -> list[Series]:
    """Return the series of each sample, with five significant digits.

    A series is skipped if one of its steps was reported for a different number of samples, or if it
    contains a number that is not finite.
    """
    found: list[Series] = [{} for _ in range(samples)]
    for name, steps in reports.items():
        rows = [_numbers(step) for step in steps]
        if not all(len(row) == samples and all(map(math.isfinite, row)) for row in rows):
            continue
        for place, series in enumerate(found):
            series[name] = tuple(float(f"{row[place]:.5g}") for row in rows)
    return found


def _numbers(step: Any) -> list[float]:
    numbers = step.tolist() if hasattr(step, "tolist") else step
    return list(numbers) if isinstance(numbers, Sequence) else [numbers]
