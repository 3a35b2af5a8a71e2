"""Motion fidelity of a video, with the tracker loaded and tracks kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from smmbench.dataset import Clip, Dataset, source_video, true_tracks
from smmbench.metrics.array_cache import cached_arrays
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.motion_fidelity import MotionFidelity, motion_fidelity
from smmbench.tracking import Tracker, Tracks
from smmbench.video import Video


class MotionMeasure:
    """Compares the motion of an output with that of its source.

    Args:
        dataset: Has the sources.
        tracker: Follows points of the outputs, and of the sources unless their truth is asked for.
        source_tracks: `tracker` or `known`.
        still_threshold: Of the protocol, in pixels a step of its canvas.
    """

    def __init__(
        self,
        dataset: Dataset,
        tracker: Tracker,
        source_tracks: Literal["tracker", "known"],
        still_threshold: float,
    ) -> None:
        self._dataset = dataset
        self._tracker = tracker
        self._tracker_origin = tracker.origin()
        self._source_tracks = source_tracks
        self._still_threshold = still_threshold

    def origin(self, task: Task) -> dict[str, Any]:
        """Source, tracker, and the file of true tracks where they are used."""
        known = task.clip.tracks if self._source_tracks == "known" else None
        return {
            "source": task.clip.pixels_sha256,
            "tracker": self._tracker_origin,
            "source_tracked_by": self._source_tracks,
            "source_tracks": known.sha256 if known else "",
        }

    def measure(self, task: Task) -> Measured:
        """Mean of both directions, with each direction, the sum and the counts as details."""
        source = self._tracks_of_source(task.clip)
        output = self._tracked(task.pixels, lambda: task.output)
        result = motion_fidelity(
            source.points,
            output.points,
            source_visible=source.visible,
            output_visible=output.visible,
            still_threshold=self._still_threshold,
        )
        return Measured(result.mean, _details(result))

    def _tracks_of_source(self, clip: Clip) -> Tracks:
        if self._source_tracks == "known":
            return true_tracks(self._dataset, clip)
        return self._tracked(clip.pixels_sha256, lambda: source_video(self._dataset, clip))

    def _tracked(self, pixels: str, video: Callable[[], Video]) -> Tracks:
        """Tracks of the video with these pixels, which is read only if they are not kept."""

        def compute() -> dict[str, np.ndarray]:
            tracks = self._tracker.track(video())
            return {"points": tracks.points, "visible": tracks.visible}

        arrays = cached_arrays("tracks", {"pixels": pixels, **self._tracker_origin}, compute)
        return Tracks(arrays["points"], arrays["visible"])


def _details(result: MotionFidelity) -> dict[str, float]:
    counts = {
        f"{side}_{name}": float(count)
        for side, counted in (("source", result.source), ("output", result.output))
        for name, count in asdict(counted).items()
    }
    return {
        "source_to_output": result.source_to_output,
        "output_to_source": result.output_to_source,
        "sum": result.sum,
        **counts,
    }
