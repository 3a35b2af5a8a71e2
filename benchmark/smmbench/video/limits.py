"""How large a video may be, so that a small file cannot fill the memory."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench.errors import VideoError


@dataclass(frozen=True)
class Limits:
    """The largest video that is read; a larger one is refused, never cut.

    Attributes:
        frames: Frames of a video.
        frame_pixels: Pixels of one frame (the default holds 4096 x 4096).
        total_pixels: Pixels of all frames (the default takes 1.6 GB as RGB).
    """

    frames: int = 4096
    frame_pixels: int = 2**24
    total_pixels: int = 2**29

    def check(self, name: str, frames: int, width: int, height: int) -> None:
        """Refuse a video of this many frames of this size, in pixels.

        Raises:
            VideoError: It is over a limit; the message says which, and how to raise it.
        """
        pixels = width * height
        raised = "If it is meant to be so large, read it with higher `Limits`."
        if pixels > self.frame_pixels:
            raise VideoError(
                f"'{name}' has frames of {width}x{height}, {pixels} pixels; "
                f"the limit is {self.frame_pixels}. {raised}"
            )
        if frames > self.frames:
            raise VideoError(
                f"'{name}' has {frames} frames or more; the limit is {self.frames}. {raised}"
            )
        if frames * pixels > self.total_pixels:
            raise VideoError(
                f"'{name}' has {frames} frames or more of {width}x{height}, {frames * pixels} "
                f"pixels in all; the limit is {self.total_pixels}. {raised}"
            )
