"""Rank correlation: Kendall's tau-b and Spearman's rho, with intervals over clips.

All rows of a table are computed at once, since a bootstrap has thousands of them. The signs of the
differences between every two methods give both statistics: tau-b is the correlation of the signs
(Kendall, Biometrika 1945), and a rank with ties is, up to a constant, half the sum of its signs, so
rho is the correlation of those sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, stdtrit

from smmbench.results import Stored

FEWEST_CLIPS = 6
"""Minimum number of clips; resampling fewer cannot reach 95 %."""
FEWEST_METHODS = 3
"""Minimum number of methods; the correlation of two is only ever -1 or 1."""

Rows = Float[np.ndarray, "rows methods"]
Statistic = Callable[[Rows, Rows], Float[np.ndarray, " rows"]]


class Correlation(Stored):
    """A correlation and its interval over clips.

    Attributes:
        value: -1 to 1; None if all numbers of one side are equal and have no order.
        interval: 95 % interval; None with fewer than 6 clips, or if the value is None.
    """

    value: float | None = None
    interval: tuple[float, float] | None = None


def kendall(a: Rows, b: Rows) -> Float[np.ndarray, " rows"]:
    """Return Kendall's tau-b of each row; NaN where one side has no order."""
    return _cosine(_signs(a), _signs(b))


def spearman(a: Rows, b: Rows) -> Float[np.ndarray, " rows"]:
    """Return Spearman's rho of each row, ties at their mean rank; NaN without an order."""
    return _cosine(_centred_ranks(a), _centred_ranks(b))


def pearson(a: Rows, b: Rows) -> Float[np.ndarray, " rows"]:
    """Return Pearson's correlation of each row; NaN where one side is constant."""
    return _cosine(a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True))


def of_means(
    a: Float[np.ndarray, "methods pairs"],
    b: Float[np.ndarray, "methods pairs"],
    clips: Sequence[str],
    statistic: Statistic,
    seed: int,
    resamples: int,
) -> Correlation:
    """Correlate the means of methods under two trackers; the interval resamples whole clips.

    Resampling clips adds noise to both orders, so the interval extends further below the value than
    above it.

    Args:
        a: Scores of each method and pair under one tracker.
        b: Scores of the same methods and pairs under another.
        clips: The source clip of each pair.
        statistic: `kendall` or `spearman`.
        seed: Seed of the resampling.
        resamples: Number of resamples.
    """
    if len(a) < FEWEST_METHODS:
        return Correlation()
    value = statistic(a.mean(axis=1)[None], b.mean(axis=1)[None])[0]
    index, weights = _drawn(clips, seed, resamples)
    sums = [_by_clip(values, index, weights.shape[1]) for values in (a, b)]
    sizes = weights @ np.bincount(index).astype(float)
    draws = statistic(*(weights @ one.T / sizes[:, None] for one in sums))
    return _correlation(value, draws, weights.shape[1])


def of_pairs(
    a: Float[np.ndarray, "methods pairs"],
    b: Float[np.ndarray, "methods pairs"],
    clips: Sequence[str],
    seed: int,
    resamples: int,
) -> Correlation:
    """Return Pearson's correlation over all videos, with an interval over clips."""
    value = pearson(a.reshape(1, -1), b.reshape(1, -1))[0]
    index, weights = _drawn(clips, seed, resamples)
    a, b = a - a.mean(), b - b.mean()  # the same correlation, with less rounding
    products = (a, b, a * a, b * b, a * b)
    sums = [weights @ _by_clip(one, index, weights.shape[1]).sum(axis=0) for one in products]
    sizes = weights @ np.bincount(index).astype(float) * len(a)
    x, y, xx, yy, xy = (one / sizes for one in sums)
    spread = (xx - x * x) * (yy - y * y)
    enough = spread > 1e-24
    draws = np.where(enough, (xy - x * y) / np.sqrt(np.where(enough, spread, 1.0)), np.nan)
    return _correlation(value, draws, weights.shape[1])


def _correlation(value: float, draws: Float[np.ndarray, " n"], clips: int) -> Correlation:
    if not np.isfinite(value):
        return Correlation()
    kept = draws[np.isfinite(draws)]
    if clips < FEWEST_CLIPS or not len(kept):
        return Correlation(value=_bounded(value))
    # Widened for few clips, like the intervals of means (`smmbench.statistics`).
    reach = float(stdtrit(clips - 1, 0.975)) * np.sqrt(clips / (clips - 1))
    tail = float(ndtr(-reach))
    low, high = np.quantile(kept, [tail, 1 - tail])
    return Correlation(value=_bounded(value), interval=(_bounded(low), _bounded(high)))


def _bounded(value: float) -> float:
    return round(float(np.clip(value, -1.0, 1.0)), 12)


def _drawn(
    clips: Sequence[str], seed: int, resamples: int
) -> tuple[Int[np.ndarray, " pairs"], Float[np.ndarray, "resamples clips"]]:
    """Return the clip of each pair, and how often each clip is drawn."""
    names, index = np.unique(np.asarray(clips), return_inverse=True)
    k = len(names)
    draws = np.random.default_rng(seed).multinomial(k, np.full(k, 1 / k), size=resamples)
    return index, draws.astype(float)


def _by_clip(
    values: Float[np.ndarray, "methods pairs"], index: Int[np.ndarray, " pairs"], clips: int
) -> Float[np.ndarray, "methods clips"]:
    return np.stack([np.bincount(index, weights=row, minlength=clips) for row in values])


def _signs(values: Rows) -> Float[np.ndarray, "rows pairs"]:
    first, second = np.triu_indices(values.shape[1], 1)
    difference = values[:, first] - values[:, second]
    return np.where(np.abs(difference) < 1e-12, 0.0, np.sign(difference))


def _centred_ranks(values: Rows) -> Rows:
    difference = values[:, :, None] - values[:, None, :]
    return np.where(np.abs(difference) < 1e-12, 0.0, np.sign(difference)).sum(axis=2)


def _cosine(a: Rows, b: Rows) -> Float[np.ndarray, " rows"]:
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    enough = size > 1e-12
    return np.where(enough, (a * b).sum(axis=1) / np.where(enough, size, 1.0), np.nan)
