"""Measurements of an output besides the protocol's scores, by the world's held-out evaluators.

The CLIP names object and scene: the nearest captions to the mean embedding of the frames. The judge
names the object: the highest mean logit. The locator follows the object: its path in the output is
compared with that in the source, in pixels of the 128x128 frame.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from smmbench.dataset import Clip, Dataset, source_video, true_tracks
from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.metrics.registry import metric
from smmbench.metrics.text_similarity import clip_text_similarity
from smmbench.scoring.models.text_model import TextModel
from smmbench.storage.array_cache import cached_arrays
from smmbench.tracking import Tracker, Tracks, open_tracker
from smmbench.video import Video
from smmbench_datasets.emoji.judges import JUDGES, load_judge, load_locator
from smmbench_datasets.emoji.world import World

Frames = UInt8[np.ndarray, "time height width 3"]


@dataclass(frozen=True)
class Measured:
    """The figures of one output; the module describes how they are measured."""

    text: float  # CLIP similarity to the target prompt
    motion: float  # motion fidelity, both sides tracked by the protocol's tracker
    to_source: float  # output to source
    to_output: float  # source to output
    motion_known: float  # motion fidelity against the source's true tracks
    motion_second: float  # motion fidelity, both sides tracked by a second tracker, if one is asked
    object_clip: float  # 1: the target's object, 0: another
    scene_clip: float
    source_clip: float  # 1: still the source's object
    object_judge: float
    path: float  # mean distance of the object's paths, pixels
    shape: float  # the same after removing each path's mean


class Measures:
    """Measures outputs for one emoji dataset.

    Args:
        dataset: `emoji`, `emoji-val`, or another set with the world's captions.
        device: Device of the networks.
        judges: Folder of judge and locator; without it their figures are NaN.
        second: A second tracker besides the protocol's, such as `lucas-kanade`.
    """

    def __init__(
        self, dataset: Dataset, device: str, judges: Path = JUDGES, second: str | None = None
    ) -> None:
        protocol = dataset.manifest.protocol
        self.dataset, self.device = dataset, device
        self.threshold = protocol.still_threshold
        self.tracker = open_tracker(protocol.tracker, protocol.grid, "cpu")
        self.second = open_tracker(second, protocol.grid, "cpu") if second else None
        self.text = TextModel(protocol.text_model, device)
        self.world = World("cpu")
        there = (judges / "judge.safetensors").is_file()
        self.judge = load_judge(device, judges) if there else None
        self.locator = load_locator(device, judges) if there else None
        self._sources: dict[str, tuple[Tracks, Float[np.ndarray, "time 2"]]] = {}
        self._second: dict[str, Tracks] = {}

    @cached_property
    def _objects(self) -> Float[np.ndarray, "objects width"]:
        names = range(len(self.world.objects))
        return np.stack([_unit(self.text.embed_text(self.world.caption(o, None))) for o in names])

    @cached_property
    def _scenes(self) -> Float[np.ndarray, "scenes width"]:
        names = range(len(self.world.scenes))
        return np.stack([_unit(self.text.embed_text(self.world.caption(None, s))) for s in names])

    @cached_property
    def _meanings(self) -> dict[str, tuple[int, int]]:
        objects, scenes = range(len(self.world.objects)), range(len(self.world.scenes))
        return {self.world.caption(o, s): (o, s) for o in objects for s in scenes}

    @property
    def terms(self) -> str:
        """What motion figures depend on besides pixels: trackers, threshold, version."""
        trackers = [self.tracker.origin(), self.second.origin() if self.second else None]
        version = metric("motion_fidelity").version
        return json.dumps([trackers, self.threshold, version], sort_keys=True)

    def track(self, video: Video, pixels: str = "") -> Tracks:
        """Track the points of the protocol's grid, which needs no GPU.

        Args:
            video: The video to track.
            pixels: SHA-256 of its pixels, if known, to reuse tracks that were cached when the same
                video was scored.
        """
        return _followed(self.tracker, video, pixels)

    def track_again(self, video: Video, pixels: str = "") -> Tracks | None:
        """Track by the second tracker; None if there is none."""
        return _followed(self.second, video, pixels) if self.second else None

    def source(self, clip: Clip) -> tuple[Tracks, Float[np.ndarray, "time 2"]]:
        """Return the tracks of a source clip and its object's path, computed once."""
        if clip.name not in self._sources:
            video = source_video(self.dataset, clip)
            tracks = self.track(video, clip.pixels_sha256)
            self._sources[clip.name] = tracks, self.path(video.frames)
        return self._sources[clip.name]

    @torch.no_grad()
    def path(self, frames: Frames) -> Float[np.ndarray, "time 2"]:
        """Return the centre of the object in each frame, by the locator."""
        if self.locator is None:
            return np.full((len(frames), 2), np.nan)
        return self.locator.locate(self._tensor(frames)).cpu().numpy()

    @torch.no_grad()
    def measure(
        self,
        clip: Clip,
        prompt: str,
        video: Video,
        tracks: Tracks,
        second: Tracks | None = None,
    ) -> Measured:
        """Return all figures of an output that was tracked already."""
        embedded = self.text.embed_frames(video.frames)
        mean = _unit(np.stack([_unit(frame) for frame in embedded]).mean(0))
        shown, placed = int((self._objects @ mean).argmax()), int((self._scenes @ mean).argmax())
        target, source = self._meanings[prompt], self._meanings[clip.prompt]
        followed, path = self.source(clip)
        moved = motion_fidelity(followed.points, tracks.points, still_threshold=self.threshold)
        known = true_tracks(self.dataset, clip)
        truly = motion_fidelity(known.points, tracks.points, still_threshold=self.threshold)
        return Measured(
            text=clip_text_similarity(embedded, self.text.embed_text(prompt)),
            motion=moved.mean,
            to_source=moved.output_to_source,
            to_output=moved.source_to_output,
            motion_known=truly.mean,
            motion_second=self._by_second(clip, second),
            object_clip=float(shown == target[0]),
            scene_clip=float(placed == target[1]),
            source_clip=float(shown == source[0]),
            object_judge=self._judged(video.frames, target[0]),
            **path_figures(self.path(video.frames), path),
        )

    def _by_second(self, clip: Clip, tracks: Tracks | None) -> float:
        if tracks is None:
            return np.nan
        if clip.name not in self._second:
            found = self.track_again(source_video(self.dataset, clip), clip.pixels_sha256)
            assert found is not None
            self._second[clip.name] = found
        source = self._second[clip.name]
        return motion_fidelity(source.points, tracks.points, still_threshold=self.threshold).mean

    def _judged(self, frames: Frames, target: int) -> float:
        if self.judge is None:
            return np.nan
        logits = self.judge.classify(self._tensor(frames)).mean(0)
        return float(int(logits.argmax()) == target)

    def _tensor(self, frames: Frames) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frames)).to(self.device).movedim(-1, 1) / 255


def _followed(tracker: Tracker, video: Video, pixels: str) -> Tracks:
    if not pixels:
        return tracker.track(video)

    def compute() -> dict[str, np.ndarray]:
        tracks = tracker.track(video)
        return {"points": tracks.points, "visible": tracks.visible}

    arrays = cached_arrays("tracks", {"pixels": pixels, **tracker.origin()}, compute)
    return Tracks(arrays["points"], arrays["visible"])


def path_figures(
    output: Float[np.ndarray, "time 2"], source: Float[np.ndarray, "time 2"]
) -> dict[str, float]:
    """Return the mean distance of two paths in pixels, as they are and after centring both."""
    a, b = output - output.mean(0), source - source.mean(0)
    return {
        "path": float(np.linalg.norm(output - source, axis=1).mean()),
        "shape": float(np.linalg.norm(a - b, axis=1).mean()),
    }


def figures(measured: Measured) -> dict[str, float | None]:
    """Return a row of a table, rounded; None for a held-out evaluator that is not available."""
    return {
        name: None if math.isnan(value) else round(float(value), 5)
        for name, value in asdict(measured).items()
    }


def _unit(vector: Float[np.ndarray, " width"]) -> Float[np.ndarray, " width"]:
    return vector / np.linalg.norm(vector)
