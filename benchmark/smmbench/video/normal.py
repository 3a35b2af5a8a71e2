"""The normal form: the frame count, size and frame rate in which every video is scored."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from smmbench.errors import VideoError
from smmbench.video.geometry import stretch
from smmbench.video.types import Video

TIE = 1e-3
"""Seconds by which equal instants may differ, since containers round times to milliseconds."""


@dataclass(frozen=True)
class NormalForm:
    """What a protocol requires of every video.

    Attributes:
        frames: Number of frames.
        width: Width in pixels.
        height: Height in pixels.
        fps: Frames per second.
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
    """Convert a video to the normal form: first in time, then in space.

    In time, the clip is sampled `form.fps` times per second from its first frame on, taking the
    frame nearest to each instant (the later of two equally near), by the times of the
    frames where their rate varies. At the same rate these are the first `form.frames` frames.
    Later frames are left out; nothing is blended.

    In space, the largest centred region with the required aspect ratio is resized by an
    antialiased bicubic filter; a frame that already has the size keeps its pixels.

    Args:
        video: Any video.
        form: The required form.

    Returns:
        The same object if it already has the normal form; else a video with notes on the changes.

    Raises:
        VideoError: The video is too short.
    """
    indices = _indices(video, form)
    height, width = video.frames.shape[1:3]
    sized = (width, height) == (form.width, form.height)
    every = np.array_equal(indices, np.arange(len(video.frames)))
    if sized and every and video.fps == form.fps and not video.instants:
        return video
    frames, notes = video.frames[indices], list(video.notes)
    if not np.array_equal(indices, np.arange(form.frames)):
        notes.append(f"{video.fps:g} to {form.fps:g} frames a second by the nearest frame")
    elif not every:
        notes.append(f"first {form.frames} of {len(video.frames)} frames")
    if not sized:
        notes.append(resizing_note(width, height, form))
    return Video(centred(frames, form), form.fps, tuple(notes))


def _indices(video: Video, form: NormalForm) -> Int[np.ndarray, " frames"]:
    """Find the frame of a video that is nearest to each instant of a normal form.

    Raises:
        VideoError: The video ends before the last instant.
    """
    count = len(video.frames)
    # A millionth of a frame: containers round rates, and a tie must stay a tie.
    instants = np.arange(form.frames) * (video.fps / form.fps) + 1e-6
    if video.instants:
        return _nearest_in_time(np.array(video.instants), video.fps, form)
    if instants[-1] >= count:
        needed = math.floor(instants[-1]) + 1
        raise VideoError(
            f"The video has {count} frames at {video.fps:g} a second, too few: {form.frames} "
            f"frames at {form.fps:g} a second are needed, which takes {needed} of its frames."
        )
    return np.minimum(np.floor(instants + 0.5).astype(np.int64), count - 1)


def frames_at(video: Video, fps: float) -> int:
    """Number of frames of a video at another rate: the instants up to that of its last frame."""
    if video.instants:
        return math.floor(video.instants[-1] * fps + 1e-6) + 1
    return math.floor((len(video.frames) - 1) * fps / video.fps + 1e-6) + 1


def centred(
    frames: UInt8[np.ndarray, "time height width 3"], form: NormalForm
) -> UInt8[np.ndarray, "time form_height form_width 3"]:
    """Crop frames to the centre with the form's aspect ratio, and resize to the form's size."""
    height, width = frames.shape[1:3]
    if (width, height) == (form.width, form.height):
        return frames
    return stretch(frames, form.width, form.height, _centre(width, height, form))


def resizing_note(width: int, height: int, form: NormalForm) -> str:
    """Describe in words what `centred` does to frames of this size."""
    cropped = _centre(width, height, form) != (0, 0, width, height)
    centre = "centre of " if cropped else ""
    return f"{centre}{width}x{height} resized to {form.width}x{form.height}"


def _nearest_in_time(times: np.ndarray, fps: float, form: NormalForm) -> Int[np.ndarray, " frames"]:
    wanted = np.arange(form.frames) / form.fps
    if wanted[-1] >= times[-1] + 1 / fps:
        raise VideoError(
            f"The video's last frame is shown {times[-1]:.3g} s after its first, too early: "
            f"{form.frames} frames at {form.fps:g} a second are needed, the last at "
            f"{wanted[-1]:.3g} s."
        )
    tie = min(TIE, float(np.diff(times).min()) / 4)
    later = np.minimum(np.searchsorted(times, wanted - 1e-9), len(times) - 1)
    earlier = np.maximum(later - 1, 0)
    is_later = np.abs(times[later] - wanted) <= np.abs(wanted - times[earlier]) + tie
    return np.where(is_later, later, earlier)


def _centre(width: int, height: int, form: NormalForm) -> tuple[float, float, float, float]:
    """The largest centred box of the form's aspect ratio (left, top, right, bottom), in pixels."""
    aspect = form.width / form.height
    box_width = min(float(width), height * aspect)
    box_height = min(float(height), width / aspect)
    left, top = (width - box_width) / 2, (height - box_height) / 2
    return left, top, width - left, height - top
