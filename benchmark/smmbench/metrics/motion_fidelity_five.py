"""Motion fidelity as FiVE-Bench's script computes it, for reading published numbers.

Described from https://github.com/Harvard-AI-and-Robotics-Lab/FiVE-Bench,
`evaluation/metrics_calculator.py` at 2825ec1, which takes tracks of 55 x 55 points.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.legacy import LegacyMotionFidelity, Masks, Size
from smmbench.metrics.measure import Task
from smmbench.metrics.motion_fidelity_dmt import dmt
from smmbench.tracking import Tracks


def five(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    masks: Masks | None = None,
    lookup: Size | None = None,
) -> float:
    """Motion fidelity as described in FiVE-Bench's script: DMT's, with the source cut.

    The script that averages over videos leaves those out that are NaN here, and multiplies by 100.

    Args:
        source: Positions (x, y) in pixels.
        output: As many tracks, over as many frames or fewer.
        masks: The source's foreground in each frame; the box is around all of them, again less its
            last row and column.
        lookup: As in `dmt`.

    Raises:
        ValueError: Numbers of tracks differ, or the output is longer: the script fails there.
    """
    source = source[:, : output.shape[1]]
    box = None if masks is None else np.any(masks, axis=0)
    return dmt(source, output, box, lookup)


class FiVEMotionFidelity(LegacyMotionFidelity):
    """What FiVE-Bench's script gives for these tracks."""

    name = "motion_fidelity_five"
    version = 1
    title = "Motion fidelity by FiVE-Bench's script"
    description = (
        "What FiVE-Bench's script gives for these tracks, none where it gives NaN; for reading "
        "published numbers."
    )
    source = "the public script of FiVE-Bench"
    order = 130
    masked = True

    def script(self, source: Tracks, output: Tracks, task: Task, masks: Masks | None) -> float:
        """With the masks of all frames."""
        return five(source.points, output.points, masks, self.lookup)
