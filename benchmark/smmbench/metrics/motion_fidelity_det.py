"""Motion fidelity as DeT's script computes it, for reading published numbers.

Described from https://github.com/Shi-qingyu/DeT, `evaluation.py` at 81e0c8f, which takes tracks
of 50 x 50 points.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from smmbench.metrics.legacy import (
    LegacyMotionFidelity,
    Mask,
    Masks,
    Points,
    Size,
    begins_in,
    bounding_box,
    mean_best,
    mean_cosines,
)
from smmbench.metrics.measure import Task
from smmbench.tracking import Tracks


def det(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    width: int,
    height: int,
    mask: Mask | None = None,
    lookup: Size | None = None,
) -> float:
    """Motion fidelity as described in DeT's script, without its optional second part.

    Mean over the output's tracks of the best mean cosine with a source track. Positions are
    divided by width and height, which changes angles where these differ, and the first position
    counts as a step before the first. Equal indices are not treated otherwise. NaN as in `dmt`.

    Args:
        source: Positions (x, y) in pixels.
        output: The same; n and m, and the lengths, may differ. Of the longer clip, frames at equal
            distances are taken, each the one before.
        width: Of both videos, in pixels.
        height: Of both videos, in pixels.
        mask: As in `dmt`.
        lookup: The same.
    """
    if mask is not None:
        box = bounding_box(mask)
        source, output = (side[begins_in(side, box, lookup)] for side in (source, output))
    frames = min(source.shape[1], output.shape[1])
    size = np.array([width, height], dtype=np.float64)
    rows = [_steps_from_the_origin(_thinned(side, frames) / size) for side in (output, source)]
    return mean_best(mean_cosines(*rows), less_identity=False)


class DeTMotionFidelity(LegacyMotionFidelity):
    """What DeT's script gives for these tracks."""

    name = "motion_fidelity_det"
    version = 1
    title = "Motion fidelity by DeT's script"
    description = (
        "What DeT's script gives for these tracks, none where it gives NaN; for reading "
        "published numbers."
    )
    source = "the public script of DeT"
    order = 140
    masked = True

    def script(self, source: Tracks, output: Tracks, task: Task, masks: Masks | None) -> float:
        """With the mask of the first frame, on the output's canvas."""
        height, width = task.output.frames.shape[1:3]
        first = None if masks is None else masks[0]
        return det(source.points, output.points, width, height, first, self.lookup)


def _steps_from_the_origin(points: Points) -> Float64[np.ndarray, "n time 2"]:
    """Steps, with the first position before them as if it were one."""
    return np.diff(points.astype(np.float64), axis=1, prepend=0.0)


def _thinned(points: Points, frames: int) -> Float[np.ndarray, "n frames 2"]:
    if points.shape[1] == frames:
        return points
    import torch  # whose rounding decides which frames these are

    kept = torch.linspace(0, points.shape[1] - 1, frames).to(torch.int32).numpy()
    return points[:, kept]
