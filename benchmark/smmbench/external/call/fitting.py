"""Convert a clip to the size and length that official code accepts, and its output back.

In both directions the whole picture is stretched and the whole clip is resampled, so that positions
and instants of the source and the output correspond and motion can be compared.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from jaxtyping import Int

from smmbench.external.recipe.tables import Input
from smmbench.video import Video, VideoError
from smmbench.video.geometry import stretch


def fit_source(video: Video, wanted: Input) -> Video:
    """Convert a clip to the form that a recipe accepts.

    Frames are taken at equal distances over the whole clip, always the nearest. The frame rate
    changes so that the duration stays the same.

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
            f"A clip of {have} frames of {width}x{height} is too small for this code, which "
            f"needs multiples of {wanted.frames_multiple} frames and {wanted.size_multiple} pixels."
        )
    indices = _spread(have, count, wanted.ends)
    frames = video.frames[indices]
    if (new_width, new_height) != (width, height):
        frames = stretch(frames, new_width, new_height)
    return Video(frames, float(video.fps * Fraction(count, have)), video.notes)


def fit_output(video: Video, source: Video, ends: bool = False) -> Video:
    """Convert an output to the size, length and frame rate of its source.

    If there are as many frames as in the source, they are taken one for one, whatever rate the file
    states; any other number is spread over the source's duration by the nearest frame.

    Args:
        video: Output of the code for a clip returned by `fit_source`.
        source: The clip in the dataset.
        ends: Whether its first and last frame are those of the source; as in `Input`.
    """
    want, height, width = source.frames.shape[:3]
    have, made_height, made_width = video.frames.shape[:3]
    frames, notes = video.frames, list(video.notes)
    if have != want:
        frames = frames[_spread(have, want, ends)]
        notes.append(f"{have} frames spread over {want} by the nearest frame")
    if (made_width, made_height) != (width, height):
        frames = stretch(frames, width, height)
        notes.append(f"{made_width}x{made_height} stretched to {width}x{height}")
    return Video(frames, source.fps, tuple(notes))


def _spread(have: int, want: int, ends: bool) -> Int[np.ndarray, " want"]:
    """Which of `have` frames is nearest to each of `want` instants over the same duration.

    If frames represent equal durations, instant t of `want` is at t / want of the whole; with
    `ends`, at t / (want - 1) of the way from the first frame to the last.
    """
    if ends and want > 1:
        places = np.arange(want) * ((have - 1) / (want - 1))
        return np.floor(places + 0.5 + 1e-9).astype(np.int64)
    return np.floor(np.arange(want) * have / want + 1e-9).astype(np.int64)
