"""Tracks of sources and outputs, computed once and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from smmbench.dataset import (
    Clip,
    Dataset,
    missing_files,
    reference_clip,
    reference_tracks,
    reference_video,
    source_video,
    true_tracks,
)
from smmbench.metrics import Task
from smmbench.storage.array_cache import cached_arrays
from smmbench.tracking import Tracker, Tracks
from smmbench.video import Reference, Video


class ClipTracks:
    """Provides the tracks of a dataset's clips and of the videos generated from them.

    Args:
        dataset: Contains the sources.
        tracker: Tracks points in outputs, and in sources unless ground-truth tracks are requested.
        source_tracks: `tracker` or `known`.
    """

    def __init__(
        self, dataset: Dataset, tracker: Tracker, source_tracks: Literal["tracker", "known"]
    ) -> None:
        self._dataset = dataset
        self._tracker = tracker
        self._tracker_origin = tracker.origin()
        self._source_tracks = source_tracks

    def origin(self, clip: Clip) -> dict[str, Any]:
        """Source, tracker, and the file of ground-truth tracks if they are used."""
        known = self._source_tracks == "known"
        return {
            "source": clip.pixels_sha256,
            "tracker": self._tracker_origin,
            "source_tracked_by": self._source_tracks,
            "source_tracks": clip.tracks.sha256 if known and clip.tracks else "",
        }

    def has_source(self, clip: Clip) -> bool:
        """Whether the file from which a source's tracks come exists."""
        file = clip.tracks if self._source_tracks == "known" else clip.video
        return file is not None and not missing_files(self._dataset, [file])

    def of_source(self, clip: Clip) -> Tracks:
        """Tracks of a source.

        Raises:
            ValueError: Its file is missing, or it has no ground-truth tracks and they are required.
        """
        if self._source_tracks == "known":
            return true_tracks(self._dataset, clip)
        return self._tracked(clip.pixels_sha256, lambda: source_video(self._dataset, clip))

    def of_reference(self, clip: Clip, reference: Reference) -> Tracks:
        """Tracks of another motion that a method may have been given for a clip.

        Raises:
            ValueError: As `of_source`; the dataset has no such reference, or it is a still.
        """
        if self._source_tracks == "known":
            return reference_tracks(self._dataset, clip, reference)
        given = reference_clip(self._dataset, clip, reference)
        if reference == "reversed":
            pixels = f"{clip.pixels_sha256}, reversed"
            return self._tracked(pixels, lambda: reference_video(self._dataset, clip, reference))
        return self.of_source(given)

    def of_output(self, task: Task) -> Tracks:
        """Tracks of an output."""
        return self._tracked(task.pixels, lambda: task.output)

    def _tracked(self, pixels: str, video: Callable[[], Video]) -> Tracks:
        """Tracks of the video with these pixels, which is decoded only if they are not cached."""

        def compute() -> dict[str, np.ndarray]:
            tracks = self._tracker.track(video())
            return {"points": tracks.points, "visible": tracks.visible}

        arrays = cached_arrays("tracks", {"pixels": pixels, **self._tracker_origin}, compute)
        return Tracks(arrays["points"], arrays["visible"])
