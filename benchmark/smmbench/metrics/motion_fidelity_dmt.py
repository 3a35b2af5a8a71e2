"""Motion fidelity as DMT's script computes it, for reading published numbers.

Described from https://github.com/diffusion-motion-transfer/diffusion-motion-transfer,
`motion_fidelity_score.py` at ab55bcd, which takes tracks of 55 x 55 points.
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
    must_equal,
)
from smmbench.metrics.measure import Task
from smmbench.tracking import Tracks


def dmt(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    mask: Mask | None = None,
    lookup: Size | None = None,
) -> float:
    """Motion fidelity as described in DMT's script.

    Mean over the output's tracks of the best mean cosine with a source track, after 1 was taken
    off each pair of equal index (as if a clip were compared with itself). A step of length zero in
    any track makes it NaN.

    Args:
        source: Positions (x, y) in pixels.
        output: As many tracks, over as many frames.
        mask: The source's foreground in its first frame: tracks of both clips then count only if
            they begin in its bounding box, less its last row and column.
        lookup: Height and width at which the box is looked up; None: the mask's own.

    Raises:
        ValueError: Numbers of tracks or frames differ, or no track begins in the box: the script
            fails there.
    """
    if mask is not None:
        box = bounding_box(mask)
        source, output = (side[begins_in(side, box, lookup)] for side in (source, output))
    must_equal("frames", source.shape[1], output.shape[1])
    return mean_best(mean_cosines(_steps(output), _steps(source)), less_identity=True)


class DMTMotionFidelity(LegacyMotionFidelity):
    """What DMT's script gives for these tracks."""

    name = "motion_fidelity_dmt"
    version = 1
    title = "Motion fidelity by DMT's script"
    description = (
        "What DMT's script gives for these tracks, none where it gives NaN; for reading "
        "published numbers."
    )
    source = "the public script of DMT"
    order = 110
    masked = True

    def script(self, source: Tracks, output: Tracks, task: Task, masks: Masks | None) -> float:
        """With the mask of the first frame."""
        first = None if masks is None else masks[0]
        return dmt(source.points, output.points, first, self.lookup)


def _steps(points: Points) -> Float64[np.ndarray, "n steps 2"]:
    return np.diff(points.astype(np.float64), axis=1)
