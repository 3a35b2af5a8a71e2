"""Map the frames of a video made elsewhere to the frames of a clip."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from smmbench.errors import VideoError
from smmbench.video import NormalForm, Video, normal_form

FrameRule = Literal["exact", "resample"]


def padded_frames(frames: int) -> int:
    """Smallest number of frames of the form 4 k + 1, which causal video autoencoders need."""
    return -(-(frames - 1) // 4) * 4 + 1


def fit_frames(
    video: Video, form: NormalForm, rule: FrameRule | None = None
) -> tuple[Video, FrameRule]:
    """Convert an output to the normal form of its source; also return how frames were selected.

    With `exact`, the first frames are taken in order, whatever the frame rate: methods write the
    rate of their script, and resampling would duplicate frames. With `resample`, the frame nearest
    to each instant is taken, by `normal_form`.

    Args:
        video: The output, with the rate that its file states.
        form: The normal form of its source.
        rule: The rule; None selects `exact` for a video with the required number of frames, or with
            `padded_frames` of it (models of 4 k + 1 frames generate 17 for 16).

    Raises:
        VideoError: The video is too short.
    """
    count = len(video.frames)
    if rule is None:
        rule = "exact" if count in (form.frames, padded_frames(form.frames)) else "resample"
    if rule == "resample":
        return normal_form(video, form), rule
    if count < form.frames:
        raise VideoError(
            f"The video has {count} frames, but {form.frames} are needed frame for frame. "
            "Regenerate it with enough frames, or import it with --frame-rule resample."
        )
    if video.fps != form.fps:
        note = f"{video.fps:g} frames a second taken as {form.fps:g}, frame for frame"
        video = replace(video, fps=form.fps, notes=(*video.notes, note), instants=())
    return normal_form(video, form), rule
