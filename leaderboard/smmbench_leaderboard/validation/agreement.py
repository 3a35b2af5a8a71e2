"""Agreement, area under the curve and rank correlation, with intervals over clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from smmbench.statistics import Estimate, clustered_interval, mean_interval
from smmbench_leaderboard.board.types import Bootstrap

RANK_RESAMPLES = 2_000
"""Number of resamples for a rank correlation, each of which is ranked again."""


def preference(chosen: float, other: float) -> float:
    """Return 1 where the chosen video has the higher number, 0 where lower, 1/2 where equal."""
    return 0.5 if chosen == other else float(chosen > other)


def share(agreed: Sequence[float], clips: Sequence[str], bootstrap: Bootstrap) -> Estimate:
    """Return the mean agreement with its interval, cut at 0 and 1."""
    found = mean_interval(np.array(agreed), clips, **bootstrap.model_dump())
    return Estimate(found.mean, within(found.interval, 0.0, 1.0))


def area_under_curve(
    positives: Sequence[float],
    positive_clips: Sequence[str],
    negatives: Sequence[float],
    negative_clips: Sequence[str],
    bootstrap: Bootstrap,
) -> Estimate:
    """Return the probability that a positive exceeds a negative of any clip; ties count half.

    Raises:
        ValueError: There are no positives, or no negatives.
    """
    if not len(positives) or not len(negatives):
        raise ValueError("An area under the curve needs positives and negatives.")
    names = sorted({*positive_clips, *negative_clips})
    above, below = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    wins = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    ours, theirs = _membership(positive_clips, names), _membership(negative_clips, names)
    won, pairs = ours.T @ wins @ theirs, np.outer(ours.sum(0), theirs.sum(0))

    def area(drawn: Int[np.ndarray, " k"]) -> float:
        all_pairs = float(drawn @ pairs @ drawn)
        return float(drawn @ won @ drawn) / all_pairs if all_pairs else np.nan

    found = clustered_interval(area, len(names), **bootstrap.model_dump())
    return Estimate(float(wins.mean()), within(found, 0.0, 1.0))


def rank_correlation(
    ratings: Sequence[float], numbers: Sequence[float], clips: Sequence[str], bootstrap: Bootstrap
) -> Estimate:
    """Return Spearman's correlation over all videos; 0 if one side is constant.

    Raises:
        ValueError: There is no video.
    """
    if not len(ratings):
        raise ValueError("A correlation needs at least one video.")
    a, b = np.asarray(ratings, dtype=float), np.asarray(numbers, dtype=float)
    names = sorted(set(clips))
    belongs = [np.flatnonzero(np.asarray(clips) == name) for name in names]

    def correlation(drawn: Int[np.ndarray, " k"]) -> float:
        chosen = np.concatenate([np.tile(belongs[i], n) for i, n in enumerate(drawn) if n])
        return spearman(a[chosen], b[chosen])

    few = bootstrap.model_copy(update={"resamples": min(bootstrap.resamples, RANK_RESAMPLES)})
    found = clustered_interval(correlation, len(names), **few.model_dump())
    return Estimate(spearman(a, b), within(found, -1.0, 1.0))


def spearman(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Return the correlation of ranks, ties with their mean rank; 0 if one side is constant."""
    x, y = (rankdata(side) - (len(side) + 1) / 2 for side in (a, b))
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread else 0.0


def within(
    interval: tuple[float, float] | None, low: float, high: float
) -> tuple[float, float] | None:
    """Return an interval, cut at the range of the number."""
    return None if interval is None else (max(interval[0], low), min(interval[1], high))


def _membership(clips: Sequence[str], names: Sequence[str]) -> Float[np.ndarray, "values clips"]:
    """1 where a value belongs to a clip."""
    return (np.asarray(clips)[:, None] == np.asarray(names)).astype(float)
