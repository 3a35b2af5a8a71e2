"""What one measurement takes and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from smmbench.dataset import Clip
from smmbench.results.scored_tracks import ScoredTracks
from smmbench.video import Reference, Video


@dataclass(frozen=True)
class Task:
    """One video to score.

    Attributes:
        clip: The source that it was made from.
        prompt: What it is to show.
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
    """A number before it has its origin.

    Attributes:
        value: The number.
        details: What it is made of and what stands beside it, by name.
        note: What to know of it; empty for nothing.
        per_frame: By name, a value for each frame of the output, None for a frame that has none:
            the first one, where steps are compared.
        tracks: What was compared, for `tracks.npz`, which is that of motion fidelity; else None.
    """

    value: float
    details: dict[str, float] = field(default_factory=dict)
    note: str = ""
    per_frame: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    tracks: ScoredTracks | None = field(default=None, repr=False, compare=False)
