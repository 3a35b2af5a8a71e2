"""The check of controls: a metric under which a control comes close to the best is rejected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smmbench.statistics import mean_interval
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_leaderboard.validation.types import Control


@dataclass(frozen=True)
class Standing:
    """A mean with the ends of its interval, oriented so that higher is better."""

    mean: float
    low: float
    high: float


def standing(values: Sequence[float], clips: Sequence[str], bootstrap: Bootstrap) -> Standing:
    """Return the mean of values, oriented so that higher is better, with its interval."""
    found = mean_interval(np.array(values), clips, **bootstrap.model_dump())
    low, high = found.interval or (found.mean, found.mean)
    return Standing(found.mean, low, high)


def controls_of(
    found: Mapping[str, Standing],
    best: Standing,
    controls: Collection[str],
    sign: float,
    allowed: Collection[str],
) -> tuple[Control, ...]:
    """Return the position of each control, which is near the best if their intervals overlap."""
    return tuple(
        Control(
            label=label,
            mean=sign * one.mean,
            near=one.high >= best.low,
            allowed=label in allowed,
        )
        for label, one in sorted(found.items())
        if label in controls
    )
