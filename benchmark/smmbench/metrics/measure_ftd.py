"""Frechet trajectory distance of a video, from the tracks that motion fidelity keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from smmbench.metrics.definition import Metric
from smmbench.metrics.ftd import WORST, ftd
from smmbench.scoring.clip_tracks import ClipTracks
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.resources import Resources


class FTDMeasure:
    """Compares each track of an output with the source's track from the same point."""

    def __init__(self, tracks: ClipTracks) -> None:
        self._tracks = tracks

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and tracker."""
        return self._tracks.origin(task.clip)

    def measure(self, task: Task) -> Measured:
        """The distance, cut at that of two corners of the frame."""
        source, output = self._tracks.of_source(task.clip), self._tracks.of_output(task)
        starts = source.points[:, 0], output.points[:, 0]
        if starts[0].shape != starts[1].shape or not np.allclose(*starts):
            raise ValueError(
                "FTD needs tracks of both clips that begin at the same points; with "
                "`--source-tracks known` they do not."
            )
        height, width = task.output.frames.shape[1:3]
        return Measured(min(ftd(source.points, output.points, width, height), WORST))


def load(wanted: Metric, resources: Resources) -> FTDMeasure:
    """Make the measure under the protocol's tracker."""
    return FTDMeasure(ClipTracks(resources.dataset, resources.tracker, resources.source_tracks))
