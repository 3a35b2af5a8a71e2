"""A clip in the size and length that somebody's code takes, and its output back again.

Both ways the whole picture is stretched and the whole clip is spread: what is at a place and at
an instant of the source is there in the output too, so that motion can be compared.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from smmbench.external.recipe import Input
from smmbench.video import NormalForm, Video, VideoError, normal_form
from smmbench.video.geometry import stretch


def fit_source(video: Video, wanted: Input) -> Video:
    """Bring a clip to what a recipe takes.

    Frames are taken at equal distances over the whole clip, the nearest each (an instant has the
    same frame at the same number). Rates change so that the clip lasts as long as before.

    Raises:
        VideoError: The clip is too short or too small for the recipe.
    """
    have, height, width = video.frames.shape[:3]
    count = wanted.frames or min(have, wanted.max_frames or have)
    count -= count % wanted.frames_multiple
    new_width, new_height = wanted.width or width, wanted.height or height
    new_width -= new_width % wanted.size_multiple
    new_height -= new_height % wanted.size_multiple
    if not (count and new_width and new_height):
        raise VideoError(
            f"A clip of {have} frames of {width}x{height} is too little for this code, which "
            f"takes multiples of {wanted.frames_multiple} frames and {wanted.size_multiple} pixels."
        )
    indices = np.floor(np.arange(count) * have / count + 1e-6).astype(np.int64)
    frames = video.frames[indices]
    if (new_width, new_height) != (width, height):
        frames = stretch(frames, new_width, new_height)
    return Video(frames, float(video.fps * Fraction(count, have)), video.notes)


def fit_output(video: Video, source: Video) -> Video:
    """Bring an output to the size, length and rate of the source that it answers.

    As many frames as the source has are taken one for one, whatever rate the file says; any other
    number is spread over the source's time by the nearest frame, nothing blended.

    Args:
        video: What the code made of a clip that `fit_source` gave.
        source: The clip as the dataset has it.
    """
    want, height, width = source.frames.shape[:3]
    have, made_height, made_width = video.frames.shape[:3]
    notes = list(video.notes)
    frames = video.frames
    if (made_width, made_height) != (width, height):
        frames = stretch(frames, width, height)
        notes.append(f"{made_width}x{made_height} stretched to {width}x{height}")
    rate = float(source.fps * Fraction(have, want))
    form = NormalForm(frames=want, width=width, height=height, fps=source.fps)
    return normal_form(Video(frames, rate, tuple(notes)), form)
