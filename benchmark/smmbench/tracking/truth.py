"""Errors of a tracker, measured against ground-truth tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from smmbench.tracking.types import Tracks

FAR = 4.0
"""Pixels from the ground truth in the last frame beyond which a tracker has lost its point."""
MOVES = 1.0
"""Pixels from its start beyond which a point of the ground truth counts as moving."""


@dataclass(frozen=True)
class TrackErrors:
    """Distances over positions that are visible in the ground truth; None if there are none.

    Attributes:
        moving: Mean distance in pixels, over points that move in the ground truth.
        still: The same over points that stand still in the ground truth.
        lost: Fraction of moving points visible in the last frame that end more than 4 pixels away.
        unsure: Fraction of visible positions that the tracker marks as not visible.
        points: Number of points that were compared.
    """

    moving: float | None
    still: float | None
    lost: float | None
    unsure: float | None
    points: int


def track_errors(truth: Tracks, tracked: Tracks) -> TrackErrors:
    """Compare tracks with the ground truth, point by point, from the second frame on.

    A point that is not visible in the first frame of the ground truth cannot be found there by a
    tracker, and is left out.

    Raises:
        ValueError: The points or frames are different.
    """
    if truth.points.shape != tracked.points.shape:
        raise ValueError(
            f"Tracks of shape {tracked.points.shape} do not match ground-truth tracks of shape "
            f"{truth.points.shape}."
        )
    first = truth.visible[:, 0]
    true, found = truth.points[first], tracked.points[first]
    seen = truth.visible[first, 1:]
    away = np.linalg.norm(found[:, 1:] - true[:, 1:], axis=-1)
    moves = np.linalg.norm(true - true[:, :1], axis=-1).max(axis=1) > MOVES
    return TrackErrors(
        moving=_mean(away[moves], seen[moves]),
        still=_mean(away[~moves], seen[~moves]),
        lost=_mean(away[moves, -1] > FAR, seen[moves, -1]),
        unsure=_mean(~tracked.visible[first, 1:], seen),
        points=len(true),
    )


def _mean(
    values: Float[np.ndarray, "*any"] | Bool[np.ndarray, "*any"], where: Bool[np.ndarray, "*any"]
) -> float | None:
    return float(values[where].mean()) if where.any() else None
