"""The type of all generated and scored videos: frames and their times."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from smmbench.errors import VideoError


@dataclass(frozen=True, eq=False)
class Video:
    """A clip in memory.

    Attributes:
        frames: RGB, 0 to 255, upright, square pixels.
        fps: Frames per second, above 0; the mean if `instants` shows that the rate varies.
        notes: What was converted while reading ("10 bit to 8", "rotated 90"), oldest first.
        instants: Display time of each frame, in seconds from the first one, increasing; empty for
            frames that are evenly spaced, with frame `t` at `t / fps`.
    """

    frames: UInt8[np.ndarray, "time height width 3"]
    fps: float
    notes: tuple[str, ...] = ()
    instants: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[-1] != 3 or self.frames.dtype != np.uint8:
            raise VideoError(
                f"Frames must be uint8 of shape (time, height, width, 3), got "
                f"{self.frames.dtype} of shape {self.frames.shape}."
            )
        if 0 in self.frames.shape:
            raise VideoError(f"A video needs at least one pixel, got shape {self.frames.shape}.")
        if not self.fps > 0:
            raise VideoError(f"The frame rate must be above 0, got {self.fps}.")
        if self.instants:
            self._check_instants()

    def _check_instants(self) -> None:
        if len(self.instants) != len(self.frames):
            raise VideoError(
                f"A video of {len(self.frames)} frames needs one instant per frame, "
                f"got {len(self.instants)}."
            )
        steps = np.diff(self.instants)
        if self.instants[0] != 0 or not (steps > 0).all() or not np.isfinite(steps).all():
            raise VideoError("The instants of a video must start at 0 and increase.")

    @property
    def pixels_sha256(self) -> str:
        """SHA-256 of the shape and the decoded RGB, independent of times and container."""
        digest = hashlib.sha256(repr(self.frames.shape).encode())
        digest.update(np.ascontiguousarray(self.frames).tobytes())
        return digest.hexdigest()
