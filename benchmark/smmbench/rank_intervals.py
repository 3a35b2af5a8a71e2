"""Ranks with simultaneous confidence intervals: all pairs of methods are tested together.

A board has one number for each method and clip; the question is which methods differ significantly.
If two methods are equal, the sign of their difference on a clip is random. So the signs of whole
clips are flipped, identically for all pairs of methods, and the largest flipped difference of all
pairs shows what chance alone would reach (Westfall and Young, Resampling-Based Multiple Testing,
1993, chapter 2: step-down maxT). The claims "A scores higher than B" of a column then hold jointly
at the chosen level, however the leader was found; the ranks that those claims leave possible form
the interval (Mogstad, Romano, Shaikh and Wilhelm, Inference for Ranks, Review of Economic Studies
2024).

Each difference is divided by its size, as in Student's t, but the size counts as no less than a
quantile (`SCALE_FLOOR`) of the sizes of all pairs. Without that floor, two methods that differ by
chance on a few clips only get a small scale, and equal methods are split too often; with the
largest size as the only scale, one erratic method hides the differences between all others.

The test is exact where the differences of equal methods are jointly symmetric around zero. How
far it holds elsewhere is simulated by `benchmark/perf/rank_simulation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int

LEVEL = 0.95
SCALE_FLOOR = 0.85
"""The smallest scale of a pair, as a quantile of the sizes of all pairs' differences."""

PATTERNS = 40_000
"""Number of random sign patterns; if there are no more (up to 16 clips), all are used."""

_CHUNK = 2**19  # numbers that are held at once
_ROWS = 4096  # of sign patterns that are drawn at once
_TOLERANCE = 1e-9  # a flip that gives the same sum in another order counts as reaching it


@dataclass(frozen=True, eq=False)
class RankIntervals:
    """Result of the pairwise comparisons of one column.

    Attributes:
        names: The methods, in the order in which they were given.
        p: The p-value of the difference of each pair of methods, corrected for all pairs of
            methods of the column; symmetric, 1 on the diagonal.
        better: `better[i, j]`: method i is shown to score higher than method j.
    """

    names: tuple[str, ...]
    p: Float[np.ndarray, "k k"]
    better: Bool[np.ndarray, "k k"]

    def interval(self, name: str) -> tuple[int, int]:
        """Best and worst rank of a method that the comparisons leave possible; 1 is the highest."""
        place = self.names.index(name)
        above, below = int(self.better[:, place].sum()), int(self.better[place].sum())
        return 1 + above, len(self.names) - below

    def p_of(self, one: str, other: str) -> float:
        """p-value of the difference of two methods, corrected for all pairs of the column."""
        return float(self.p[self.names.index(one), self.names.index(other)])

    def shown_better(self, one: str, other: str) -> bool:
        """Whether `one` is shown to score higher than `other`."""
        return bool(self.better[self.names.index(one), self.names.index(other)])


def rank_intervals(
    values: Mapping[str, Float[np.ndarray, " n"]],
    clusters: Sequence[str],
    seed: int = 0,
    level: float = LEVEL,
) -> RankIntervals:
    """Compare all methods of a column pair by pair, and find the possible ranks of each.

    Fewer than 6 clips cannot reach 95 %, because at most 16 sign patterns differ: every interval
    is then 1 to k. Methods with the same value everywhere are never shown to differ.

    Args:
        values: For each method one finite value per pair, in the same order; higher is better. A
            pair without a video has the worst value of the metric and is never left out.
        clusters: The source clip of each pair.
        seed: Seed of the random sign patterns, if there are too many to try all.
        level: Probability that no claim of the column is false, between 0 and 1.

    Raises:
        ValueError: No method or no pair, lengths that differ, a value that is not finite, or a
            level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"The level must lie between 0 and 1, got {level}.")
    totals = clip_totals(values, clusters)
    signs, complete = sign_patterns(len(totals), seed)
    p = step_down_p(totals, signs, complete)
    higher = totals.sum(axis=0)[:, None] > totals.sum(axis=0)[None, :]
    return RankIntervals(tuple(values), p, higher & (p <= 1 - level + _TOLERANCE))


def clip_totals(
    values: Mapping[str, Float[np.ndarray, " n"]], clusters: Sequence[str]
) -> Float[np.ndarray, "clips k"]:
    """Sum of each method's values over the pairs of each clip; clips are sorted by name."""
    if not values or not clusters:
        raise ValueError("There is nothing to rank: at least one method and one pair are needed.")
    for name, row in values.items():
        if len(row) != len(clusters):
            raise ValueError(f"'{name}' has {len(row)} values for {len(clusters)} pairs.")
        if not np.isfinite(row).all():
            raise ValueError(f"'{name}' has a value that is not finite; count it as the worst.")
    index: Int[np.ndarray, " n"]
    clips, index = np.unique(np.asarray(clusters), return_inverse=True)
    rows = [np.bincount(index, weights=row, minlength=len(clips)) for row in values.values()]
    return np.stack(rows, axis=1)


def sign_patterns(clips: int, seed: int) -> tuple[Float[np.ndarray, "patterns clips"], bool]:
    """Sign of each clip in each pattern, and whether these are all the patterns that differ.

    A pattern and its opposite give the same absolute sums, so that the first sign stays +1.
    """
    if 2 ** (clips - 1) <= PATTERNS:
        return np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=clips - 1)]), True
    random = np.random.default_rng(seed)
    signs = np.empty((PATTERNS, clips), dtype=np.float32)  # +1 and -1 are exact in any float
    for start in range(0, PATTERNS, _ROWS):
        part = signs[start : start + _ROWS]
        part[:] = 1 - 2 * random.integers(0, 2, part.shape)
    return signs, False


def step_down_p(
    totals: Float[np.ndarray, "clips k"],
    signs: Float[np.ndarray, "patterns clips"],
    complete: bool,
    scale_floor: float = SCALE_FLOOR,
) -> Float[np.ndarray, "k k"]:
    """p-value of every pair of columns, corrected for all pairs of columns.

    In the order of their statistics, each pair is compared with the largest flipped statistic of
    itself and of all pairs below it, and is significant only if every pair above it is.

    Args:
        totals: One number per clip for each method.
        signs: Sign patterns over clips.
        complete: Whether these are all patterns; if they are random, the data count as one more.
        scale_floor: Quantile of the sizes of the differences that bounds all scales from below.
    """
    k = totals.shape[1]
    p = np.ones((k, k))
    if k < 2:
        return p
    first, second = np.triu_indices(k, 1)
    differences = totals[:, first] - totals[:, second]
    size = np.sqrt((differences**2).sum(axis=0))
    scale = np.maximum(size, np.quantile(size, scale_floor))
    scaled = np.divide(differences, scale, out=np.zeros_like(differences), where=scale > 0)
    statistic = np.abs(scaled.sum(axis=0))
    order = np.argsort(statistic)
    scaled, ascending = scaled[:, order], statistic[order] - _TOLERANCE
    reached = np.zeros(len(order))
    rows = max(1, _CHUNK // len(order))
    for start in range(0, len(signs), rows):
        flipped = np.abs(signs[start : start + rows] @ scaled)
        reached += (np.maximum.accumulate(flipped, axis=1) >= ascending).sum(axis=0)
    share = reached / len(signs) if complete else (1 + reached) / (1 + len(signs))
    corrected = np.maximum.accumulate(share[::-1])[::-1]
    p[first[order], second[order]] = p[second[order], first[order]] = corrected
    return p
