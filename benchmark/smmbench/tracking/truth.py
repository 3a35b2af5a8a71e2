"""How far a tracker is from tracks that are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from smmbench.tracking.types import Tracks

FAR = 4.0
"""Pixels from the truth in the last frame beyond which a tracker has lost its point."""
MOVES = 1.0
"""Pixels from where it begins beyond which a point of the truth counts as moving."""


@dataclass(frozen=True)
class TrackErrors:
    """Distances over positions that are truly seen; a number is None where there is nothing.

    Attributes:
        moving: Mean distance in pixels, over points that truly move.
        still: The same over points that truly stand still.
        lost: Share of moving points seen in the last frame that end more than 4 pixels away.
        unsure: Share of truly seen positions that the tracker does not trust.
        points: Points that were compared.
    """

    moving: float | None
    still: float | None
    lost: float | None
    unsure: float | None
    points: int


def track_errors(truth: Tracks, tracked: Tracks) -> TrackErrors:
    """Compare tracks with the truth, point by point, from the second frame on.

    A point that the truth does not see in the first frame cannot be found there by a tracker, and
    is left out.

    Raises:
        ValueError: They are not of the same points and frames.
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
