"""Errors of trackers against ground-truth tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from smmbench.metrics.conventions import Conventions
from smmbench.metrics.moving import steps_of
from smmbench.tracking import Tracks
from smmbench_research.emoji.validation.material import KNOWN, Case

FAR = 4.0  # pixels; a track that ends further from the truth has lost its point


@dataclass(frozen=True)
class Errors:
    """Means over points of some clips; a share without any point is NaN.

    Attributes:
        on_object: Mean distance in pixels, over points of objects where they are truly seen.
        on_background: The same of the background.
        lost: Share of points truly seen in the last frame that end more than 4 pixels away.
        unsure: Share of truly seen positions that the tracker does not trust.
        missed: Share of tracks that truly move, by the headline's rule, and are found still.
        invented: Share of tracks that truly stand still and are found moving.
    """

    on_object: float
    on_background: float
    lost: float
    unsure: float
    missed: float
    invented: float


def errors(cases: Sequence[Case], tracker: str, threshold: float = 0.5) -> Errors:
    """Compare tracks with the truth, over sources and outputs with unchanged motion."""
    clips = [clip for case in cases for clip in (case.source, case.outputs[0])]
    truth = _joined([clip.tracks[KNOWN] for clip in clips])
    found = _joined([clip.tracks[tracker] for clip in clips])
    on_object = np.concatenate([clip.on_object for clip in clips])
    away = np.linalg.norm(found.points - truth.points, axis=-1)
    seen = truth.visible
    moves, is_moving = _moving(truth, threshold), _moving(found, threshold)
    return Errors(
        on_object=_mean(away[on_object], seen[on_object]),
        on_background=_mean(away[~on_object], seen[~on_object]),
        lost=_mean(away[:, -1] > FAR, seen[:, -1]),
        unsure=_mean(~found.visible, seen),
        missed=_mean(~is_moving, moves),
        invented=_mean(is_moving, ~moves),
    )


def _joined(tracks: Sequence[Tracks]) -> Tracks:
    return Tracks(
        np.concatenate([each.points for each in tracks]),
        np.concatenate([each.visible for each in tracks]),
    )


def _moving(tracks: Tracks, threshold: float) -> Bool[np.ndarray, " n"]:
    return steps_of(tracks.points, None, threshold, Conventions()).moving


def _mean(
    values: Float[np.ndarray, "*any"] | Bool[np.ndarray, "*any"], where: Bool[np.ndarray, "*any"]
) -> float:
    return float(values[where].mean()) if where.any() else float("nan")
