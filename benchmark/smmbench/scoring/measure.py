"""What the scorers of single metrics share: how to score, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from smmbench.dataset import Clip
from smmbench.metrics.registry import metric_names
from smmbench.results.scored_tracks import ScoredTracks
from smmbench.video import Video


@dataclass(frozen=True)
class Options:
    """How to score.

    Attributes:
        metrics: Names of the metrics to compute.
        tracker: Instead of the protocol's; scores then belong to another protocol.
        text_model: Instead of the protocol's; the same holds.
        source_tracks: Where the source's tracks are from: the tracker that also follows the
            output, so that both share its errors, or the truth that the dataset knows.
        device: Where models compute: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    metrics: tuple[str, ...] = field(default_factory=metric_names)
    tracker: str | None = None
    text_model: str | None = None
    source_tracks: Literal["tracker", "known"] = "tracker"
    device: str = "cpu"


@dataclass(frozen=True)
class Task:
    """One video to score.

    Attributes:
        clip: The source it was made from.
        prompt: What it shall show.
        output: The video, in the clip's normal form.
        pixels: SHA-256 of the output's pixels.
    """

    clip: Clip
    prompt: str
    output: Video
    pixels: str


@dataclass(frozen=True)
class Measured:
    """A number before it has its origin.

    Attributes:
        value: The number.
        details: What it is made of and what stands beside it.
        note: What a reader must know of it; empty for nothing.
        per_frame: Values by frame of the output, None where a frame has none.
        tracks: What was compared, for `tracks.npz`; None for a metric without tracks.
    """

    value: float
    details: dict[str, float] = field(default_factory=dict)
    note: str = ""
    per_frame: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    tracks: ScoredTracks | None = field(default=None, repr=False, compare=False)


@runtime_checkable
class Measure(Protocol):
    """A metric with all that it needs loaded."""

    def origin(self, task: Task) -> dict[str, Any]:
        """What the number depends on besides output, prompt and protocol, as JSON has it."""

    def measure(self, task: Task) -> Measured:
        """Compute the number; a `ValueError` says why this video has none."""
