"""Motion fidelity as DiTFlow's script computes it, for reading published numbers.

Described from https://github.com/ditflow/ditflow, `eval/motion_fidelity_score.py` at 4db379b,
which takes tracks of 55 x 55 points.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.legacy import LegacyMotionFidelity, Masks
from smmbench.metrics.measure import Task
from smmbench.metrics.motion_fidelity_dmt import dmt
from smmbench.tracking import Tracks


def ditflow(
    source: Float[np.ndarray, "n source_time 2"], output: Float[np.ndarray, "m output_time 2"]
) -> float:
    """Motion fidelity as described in DiTFlow's script: DMT's, with the longer clip cut.

    It has no mask.

    Raises:
        ValueError: Numbers of tracks differ: the script fails there.
    """
    frames = min(source.shape[1], output.shape[1])
    return dmt(source[:, :frames], output[:, :frames])


class DiTFlowMotionFidelity(LegacyMotionFidelity):
    """What DiTFlow's script gives for these tracks."""

    name = "motion_fidelity_ditflow"
    version = 1
    title = "Motion fidelity by DiTFlow's script"
    description = (
        "What DiTFlow's script gives for these tracks, none where it gives NaN; for reading "
        "published numbers."
    )
    source = "the public script of DiTFlow"
    order = 120
    masked = False

    def script(self, source: Tracks, output: Tracks, task: Task, masks: Masks | None) -> float:
        """Without a mask."""
        return ditflow(source.points, output.points)
