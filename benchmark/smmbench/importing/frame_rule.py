"""How the frames of a video made elsewhere become the frames of a clip."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from smmbench.video import NormalForm, Video, normal_form

FrameRule = Literal["exact", "resample"]


def fit_frames(video: Video, form: NormalForm) -> tuple[Video, FrameRule]:
    """Bring an output to the normal form of its source; also give how its frames were taken.

    A video with exactly the wanted number of frames is taken frame for frame (`exact`), whatever
    its rate: methods write the rate that their script has, and resampling would double frames
    that were never doubled. Any other is resampled in time by `normal_form` (`resample`).

    Raises:
        VideoError: The video is too short.
    """
    exact = len(video.frames) == form.frames
    if exact and video.fps != form.fps:
        note = f"{video.fps:g} frames a second taken as {form.fps:g}, frame for frame"
        video = replace(video, fps=form.fps, notes=(*video.notes, note), instants=())
    return normal_form(video, form), "exact" if exact else "resample"
