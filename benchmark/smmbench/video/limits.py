"""Limits on the size of a video, so that a small file cannot fill the memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from smmbench.errors import VideoError

VARIABLES = {
    "frames": "SMMBENCH_MAX_FRAMES",
    "frame_pixels": "SMMBENCH_MAX_FRAME_PIXELS",
    "total_pixels": "SMMBENCH_MAX_PIXELS",
}
"""Environment variables that raise or lower each limit, in every command."""


@dataclass(frozen=True)
class Limits:
    """The largest video that is read; a larger one is refused, never truncated.

    Attributes:
        frames: Maximum number of frames that are kept.
        frame_pixels: Maximum number of pixels per frame (the default allows 4096 x 4096).
        total_pixels: Maximum number of pixels in all kept frames (the default is 1.6 GB as RGB).
    """

    frames: int = 4096
    frame_pixels: int = 2**24
    total_pixels: int = 2**29

    @classmethod
    def from_environment(cls) -> Limits:
        """The default limits, or those set by the environment variables in `VARIABLES`.

        Raises:
            ValueError: A variable is not an integer above 0.
        """
        stated: dict[str, int] = {}
        for limit in fields(cls):
            text = os.environ.get(variable := VARIABLES[limit.name], "")
            if not text:
                continue
            if not text.isdecimal() or not int(text):
                raise ValueError(f"{variable} must be a whole number above 0, got '{text}'.")
            stated[limit.name] = int(text)
        return cls(**stated)

    def check_frame(self, name: str, width: int, height: int) -> None:
        """Refuse a video with frames of this size, in pixels.

        Raises:
            VideoError: The frames exceed the limit; the message says which one and how to raise it.
        """
        pixels = width * height
        if pixels > self.frame_pixels:
            raise VideoError(
                f"'{name}' has frames of {width}x{height}, {pixels} pixels; "
                f"the limit is {self.frame_pixels}. {_raised('frame_pixels')}"
            )

    def check(self, name: str, frames: int, width: int, height: int) -> None:
        """Refuse a video with this many frames of this size, in pixels.

        Raises:
            VideoError: It exceeds a limit; the message says which one and how to raise it.
        """
        self.check_frame(name, width, height)
        if frames > self.frames:
            raise VideoError(
                f"'{name}' has {frames} frames or more; the limit is {self.frames}. "
                f"{_raised('frames')}"
            )
        pixels = frames * width * height
        if pixels > self.total_pixels:
            raise VideoError(
                f"'{name}' has {frames} frames or more of {width}x{height}, {pixels} "
                f"pixels in all; the limit is {self.total_pixels}. {_raised('total_pixels')}"
            )


def _raised(limit: str) -> str:
    return (
        f"If the size is intended, set {VARIABLES[limit]} to a higher limit (`Limits` in "
        "Python), or cut it: `ffmpeg -i FILE -t SECONDS -c copy shorter.mp4`."
    )
