"""What another project's script would give for a video, from the tracks of this protocol."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from smmbench.dataset import Dataset, true_masks
from smmbench.metrics import legacy
from smmbench.metrics.definition import Metric
from smmbench.metrics.legacy_ivebench import ivebench
from smmbench.scoring.clip_tracks import ClipTracks
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.resources import Resources
from smmbench.tracking import Tracker, Tracks

PREFIX = "motion_fidelity_"  # then the name of the mode


class LegacyMeasure:
    """Computes one legacy mode.

    The scripts have other trackers and grids than a protocol here: a number agrees with theirs
    only if that is theirs too. Masks are used where the dataset has them and the script does.

    Args:
        mode: `dmt`, `ditflow`, `five`, `det` or `ivebench`.
        dataset: Has the sources and their masks.
        tracker: Follows points of sources and outputs.
        source_tracks: `tracker` or `known`.
    """

    def __init__(
        self,
        mode: str,
        dataset: Dataset,
        tracker: Tracker,
        source_tracks: Literal["tracker", "known"],
    ) -> None:
        self._mode = mode
        self._dataset = dataset
        self._tracks = ClipTracks(dataset, tracker, source_tracks)

    def origin(self, task: Task) -> dict[str, Any]:
        """Tracks, and the masks that the script would use."""
        masked = self._mode in ("dmt", "five", "det") and task.clip.masks
        return self._tracks.origin(task.clip) | {
            "masks": task.clip.masks.sha256 if masked and task.clip.masks else ""
        }

    def measure(self, task: Task) -> Measured:
        """The script's number; that it is NaN is said as the reason why there is none."""
        source, output = self._tracks.of_source(task.clip), self._tracks.of_output(task)
        value = _MODES[self._mode](source, output, task, self._masks(task))
        if math.isnan(value):
            raise ValueError("The script gives NaN: a track has a step of length zero.")
        return Measured(value)

    def _masks(self, task: Task) -> np.ndarray | None:
        return true_masks(self._dataset, task.clip) if task.clip.masks else None


def load(wanted: Metric, resources: Resources) -> LegacyMeasure:
    """Make the measure of a metric named `motion_fidelity_<mode>`."""
    mode = wanted.name.removeprefix(PREFIX)
    return LegacyMeasure(mode, resources.dataset, resources.tracker, resources.source_tracks)


_Mode = Callable[[Tracks, Tracks, Task, np.ndarray | None], float]


def _dmt(source: Tracks, output: Tracks, task: Task, masks: np.ndarray | None) -> float:
    return legacy.dmt(source.points, output.points, None if masks is None else masks[0])


def _ditflow(source: Tracks, output: Tracks, task: Task, masks: np.ndarray | None) -> float:
    return legacy.ditflow(source.points, output.points)


def _five(source: Tracks, output: Tracks, task: Task, masks: np.ndarray | None) -> float:
    return legacy.five(source.points, output.points, masks)


def _det(source: Tracks, output: Tracks, task: Task, masks: np.ndarray | None) -> float:
    height, width = task.output.frames.shape[1:3]
    first = None if masks is None else masks[0]
    return legacy.det(source.points, output.points, width, height, first)


def _ivebench(source: Tracks, output: Tracks, task: Task, masks: np.ndarray | None) -> float:
    return ivebench(source.points, output.points, source.visible, output.visible)


_MODES: dict[str, _Mode] = {
    "dmt": _dmt,
    "ditflow": _ditflow,
    "five": _five,
    "det": _det,
    "ivebench": _ivebench,
}
