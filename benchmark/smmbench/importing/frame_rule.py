"""How the frames of a video made elsewhere become the frames of a clip."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from smmbench.errors import VideoError
from smmbench.video import NormalForm, Video, normal_form

FrameRule = Literal["exact", "resample"]


def padded_frames(frames: int) -> int:
    """Frames that a model makes which counts 4 k + 1 (causal video autoencoders), at least."""
    return -(-(frames - 1) // 4) * 4 + 1


def fit_frames(
    video: Video, form: NormalForm, rule: FrameRule | None = None
) -> tuple[Video, FrameRule]:
    """Bring an output to the normal form of its source; also give how its frames were taken.

    Frame for frame (`exact`) the first frames are taken, whatever the rate: methods write the
    rate that their script has, and resampling would double frames that were never doubled. In
    time (`resample`) the frame nearest to each instant is taken, by `normal_form`.

    Args:
        video: The output, with the rate that its file states.
        form: The normal form of its source.
        rule: One of them; None takes `exact` for a video with the wanted number of frames, or with
            `padded_frames` of it (models that make 4 k + 1 frames make 17 where 16 are asked).

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
            f"The video has {count} frames, and {form.frames} are wanted frame for frame. Make "
            "it again with enough frames, or import it with --frame-rule resample."
        )
    if video.fps != form.fps:
        note = f"{video.fps:g} frames a second taken as {form.fps:g}, frame for frame"
        video = replace(video, fps=form.fps, notes=(*video.notes, note), instants=())
    return normal_form(video, form), rule
