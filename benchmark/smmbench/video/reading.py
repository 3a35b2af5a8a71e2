"""Reading a video, wherever it comes from, to upright 8-bit RGB with square pixels."""

from __future__ import annotations

from pathlib import Path

from smmbench.errors import VideoError
from smmbench.video.decoding import decode_file
from smmbench.video.images import read_images
from smmbench.video.limits import Limits
from smmbench.video.types import Video

__all__ = ["ENDINGS", "Limits", "read_video"]

ENDINGS = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})
"""What the name of a video may end with; whether it can be read is seen on reading."""


def read_video(path: Path | str, limits: Limits | None = None, fps: float | None = None) -> Video:
    """Read a video file (mp4, mov, mkv, webm, gif) or a folder of numbered png or jpg images.

    A cut file is an error and never a shorter video; so is one that does not tell where it ends
    (a live recording). These are converted, and each is said in `Video.notes`:

    - more than 8 bits: rounded to 8, as ffmpeg does;
    - a rotation or mirroring flag: applied;
    - transparency: laid over black;
    - pixels that are not square: the shorter side is stretched;
    - interlaced fields: deinterlaced;
    - a variable frame rate: every frame is kept and the mean rate is taken.

    Colours are those of the ffmpeg command line: BT.601 or BT.709 and full or limited range as
    the file says, BT.601 and limited range where it does not.

    Args:
        path: The file or the folder.
        limits: The largest video that is read, by default `Limits()`.
        fps: Frames a second of a folder, by default 8; a file knows its own.

    Raises:
        VideoError: It cannot be read; the message says why and what to do.
    """
    path = Path(path)
    limits = limits or Limits()
    if fps is not None and not fps > 0:
        raise VideoError(f"The frame rate must be above 0, got {fps}.")
    if path.is_dir():
        return read_images(path, limits, fps)
    if not path.is_file():
        raise VideoError(f"No video '{path}': there is no such file or folder.")
    return decode_file(path, limits)
