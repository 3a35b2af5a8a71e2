"""Input and output of one measurement."""

from __future__ import annotations

from dataclasses import dataclass, field

from smmbench.dataset import Clip
from smmbench.results.scored_tracks import ScoredTracks
from smmbench.video import Reference, Video


@dataclass(frozen=True)
class Task:
    """One video to score.

    Attributes:
        clip: The source clip that it was generated from.
        prompt: The target prompt.
        output: The video, in the clip's normal form.
        pixels: SHA-256 of the output's pixels.
        reference: The motion that the method was given; `forward` is the clip's own.
    """

    clip: Clip
    prompt: str
    output: Video
    pixels: str
    reference: Reference = "forward"


@dataclass(frozen=True)
class Measured:
    """A number, before its origin is attached.

    Attributes:
        value: The number.
        details: Its components and related values, by name.
        note: A remark about the number; may be empty.
        per_frame: For each name, a value per frame of the output; None for a frame without a value,
            such as the first one if steps are compared.
        tracks: The compared tracks, for `tracks.npz`, if the metric is motion fidelity; else None.
    """

    value: float
    details: dict[str, float] = field(default_factory=dict)
    note: str = ""
    per_frame: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    tracks: ScoredTracks | None = field(default=None, repr=False, compare=False)
