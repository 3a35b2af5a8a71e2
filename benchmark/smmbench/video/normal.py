"""The normal form: the frames, size and rate in which everything is scored."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from smmbench.errors import VideoError
from smmbench.video.geometry import stretch
from smmbench.video.types import Video


@dataclass(frozen=True)
class NormalForm:
    """What a protocol wants of every video.

    Attributes:
        frames: Number of frames.
        width: In pixels.
        height: In pixels.
        fps: Frames a second.
    """

    frames: int
    width: int
    height: int
    fps: float

    def __post_init__(self) -> None:
        if min(self.frames, self.width, self.height) < 1 or not self.fps > 0:
            raise VideoError(
                f"A normal form needs frames, width, height and fps above 0, got {self}."
            )


def normal_form(video: Video, form: NormalForm) -> Video:
    """Bring a video to the normal form: first in time, then in space.

    In time: the clip is looked at `form.fps` times a second from its first frame on, and the
    frame nearest to each instant is taken (of two equally near, the later). At the same rate
    these are the first `form.frames` frames. What comes after is left out; nothing is blended.

    In space: the largest part of the wanted aspect is cut from the centre and resized by an
    antialiased bicubic filter; a frame that has the size already keeps its pixels.

    Args:
        video: Any video.
        form: What is wanted.

    Returns:
        The same object if it has the normal form already; else a video whose notes say more.

    Raises:
        VideoError: The video is too short.
    """
    indices = _indices(video, form)
    height, width = video.frames.shape[1:3]
    sized = (width, height) == (form.width, form.height)
    every = np.array_equal(indices, np.arange(len(video.frames)))
    if sized and every and video.fps == form.fps:
        return video
    frames, notes = video.frames[indices], list(video.notes)
    if not np.array_equal(indices, np.arange(form.frames)):
        notes.append(f"{video.fps:g} to {form.fps:g} frames a second by the nearest frame")
    elif not every:
        notes.append(f"first {form.frames} of {len(video.frames)} frames")
    if not sized:
        box = _centre(width, height, form.width / form.height)
        frames = stretch(frames, form.width, form.height, box)
        cropped = box != (0, 0, width, height)
        notes.append(
            f"{'centre of ' if cropped else ''}{width}x{height} resized to "
            f"{form.width}x{form.height}"
        )
    return Video(frames, form.fps, tuple(notes))


def _indices(video: Video, form: NormalForm) -> Int[np.ndarray, " frames"]:
    """Which frame is nearest to each wanted instant."""
    count = len(video.frames)
    # A millionth of a frame: rates come rounded from containers, and a tie must stay a tie.
    instants = np.arange(form.frames) * (video.fps / form.fps) + 1e-6
    if instants[-1] >= count:
        needed = math.floor(instants[-1]) + 1
        raise VideoError(
            f"The video has {count} frames at {video.fps:g} a second, too few: {form.frames} "
            f"frames at {form.fps:g} a second are wanted, which takes {needed} of its frames."
        )
    return np.minimum(np.floor(instants + 0.5).astype(np.int64), count - 1)


def _centre(width: int, height: int, aspect: float) -> tuple[float, float, float, float]:
    """The largest centred box of an aspect (left, top, right, bottom), in pixels."""
    box_width = min(float(width), height * aspect)
    box_height = min(float(height), width / aspect)
    left, top = (width - box_width) / 2, (height - box_height) / 2
    return left, top, width - left, height - top
