"""The best match of every track of one clip among the tracks of another, by matrix products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from smmbench.metrics.conventions import Conventions
from smmbench.metrics.moving import Steps

_BLOCK = 512  # tracks on each side of one product: 2 MiB, whatever the number of tracks


@dataclass(frozen=True, eq=False)
class Rows:
    """The counted tracks of one clip, as rows whose inner products give `corr`.

    Attributes:
        agreement: Unit steps, zero where still or not visible; then, if still steps agree, 1 on
            each visible still step. The inner product of two rows is the sum over steps.
        seen: 1 on visible steps; None if the average is over all steps of all tracks.
        left_out: 1 on visible steps that are excluded where both tracks are still; None if none
            are.
        steps: Number of steps of a track.
        least: Number of visible steps that two tracks must share to be compared.
    """

    agreement: Float64[np.ndarray, "kept features"]
    seen: Float32[np.ndarray, "kept steps"] | None
    left_out: Float32[np.ndarray, "kept steps"] | None
    steps: int
    least: float


def rows_of(steps: Steps, still_threshold: float, conventions: Conventions) -> Rows:
    """Rows of the counted tracks; a threshold of 0 applies the formula literally."""
    kept = steps.counted
    goes, count = steps.goes[kept], steps.goes.shape[1]
    vectors, lengths = steps.vectors[kept], steps.lengths[kept]
    unit = np.divide(vectors, lengths[..., None], out=np.zeros_like(vectors), where=goes[..., None])
    agreement = unit.reshape(len(unit), 2 * count)
    if still_threshold == 0:
        return Rows(agreement, None, None, count, 0.0)
    still = (steps.seen[kept] & ~goes).astype(np.float32)  # counts of steps are exact in it
    if conventions.still == "agree":
        agreement = np.concatenate([agreement, still], axis=1)
    return Rows(
        agreement,
        steps.seen[kept].astype(np.float32) if conventions.visibility == "steps" else None,
        still if conventions.still == "left-out" else None,
        count,
        conventions.visible_share * count,
    )


@dataclass(frozen=True, eq=False)
class Matches:
    """The best match of each track of one clip among those of another.

    Attributes:
        corr: Correlation of the match, -1 to 1.
        index: Row of the match in the other clip; the first of equal ones.
    """

    corr: Float64[np.ndarray, " n"]
    index: Int64[np.ndarray, " n"]

    def by_step(self, rows: Rows, others: Rows) -> Float64[np.ndarray, " steps"]:
        """Mean over the tracks of each step's contribution to `corr`, -1 to 1.

        NaN for a step that no match compares.

        Args:
            rows: The rows that were matched.
            others: The rows among which the matches were found.
        """
        return _mean_by_step(rows, others, self.index)


def best_matches(a: Rows, b: Rows) -> tuple[Matches, Matches]:
    """Largest `corr` of each row of `a` with a row of `b`, and the reverse; -1 to 1."""
    n, m = len(a.agreement), len(b.agreement)
    best_a, best_b = np.full(n, -np.inf), np.full(m, -np.inf)
    index_a, index_b = np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    for i in range(0, n, _BLOCK):
        for j in range(0, m, _BLOCK):
            rows, columns = slice(i, i + _BLOCK), slice(j, j + _BLOCK)
            corr = _correlations(a, b, rows, columns)
            _keep_better(best_a[rows], index_a[rows], corr, 1, j)
            _keep_better(best_b[columns], index_b[columns], corr, 0, i)
    if a.seen is None and a.left_out is None:
        best_a, best_b = best_a / a.steps, best_b / a.steps
    return Matches(best_a, index_a), Matches(best_b, index_b)


def _keep_better(
    best: Float64[np.ndarray, " kept"],
    index: Int64[np.ndarray, " kept"],
    corr: Float64[np.ndarray, "i j"],
    axis: int,
    first: int,
) -> None:
    """Write the largest values of a block along an axis, which begins at `first`, where larger.

    Of equal ones the first is taken. NumPy's `argmax` along columns takes longer than the product
    that made the block, so places are found by comparing.
    """
    value = corr.max(axis=axis)
    places = np.nonzero(corr == np.expand_dims(value, axis))
    at = np.empty(len(value), dtype=np.int64)
    at[places[1 - axis][::-1]] = places[axis][::-1]
    better = value > best
    best[better], index[better] = value[better], at[better] + first


def _mean_by_step(
    rows: Rows, others: Rows, index: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, " steps"]:
    product = rows.agreement * others.agreement[index]
    steps = rows.steps
    agreement = product[:, : 2 * steps].reshape(-1, steps, 2).sum(axis=-1)
    if product.shape[1] > 2 * steps:
        agreement += product[:, 2 * steps :]  # both stand still
    compared = np.ones(agreement.shape, dtype=bool)
    if rows.seen is not None and others.seen is not None:
        compared &= (rows.seen * others.seen[index]) > 0
    if rows.left_out is not None and others.left_out is not None:
        compared &= (rows.left_out * others.left_out[index]) == 0
    count = compared.sum(axis=0)
    total = np.where(compared, agreement, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(steps, np.nan), where=count > 0)


def _correlations(a: Rows, b: Rows, rows: slice, columns: slice) -> Float64[np.ndarray, "i j"]:
    """Means of a block of pairs; sums, if all pairs are over the same number of steps."""
    agreement = a.agreement[rows] @ b.agreement[columns].T
    if a.seen is not None and b.seen is not None:
        compared = a.seen[rows] @ b.seen[columns].T
        np.multiply(agreement, compared >= a.least, out=agreement)
    elif a.left_out is None:
        return agreement
    else:
        compared = np.full(agreement.shape, a.steps, dtype=np.float32)
    if a.left_out is not None and b.left_out is not None:
        compared -= a.left_out[rows] @ b.left_out[columns].T
    np.maximum(compared, 1, out=compared)  # nothing to compare: the agreement is 0 then
    return np.divide(agreement, compared, out=agreement)
