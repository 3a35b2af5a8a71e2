"""Reference videos: clips whose motion a method is given, made of the frames of another.

A method that follows its reference moves otherwise when the reference does. So the same prompts
are run again with the clip played backwards, with another clip, and with a still.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from smmbench.video.types import Video

Reference = Literal["forward", "reversed", "other", "none"]
"""The motion that a method is given: the clip's own, backwards, another clip's, or none."""


def backwards(video: Video) -> Video:
    """The frames from last to first, evenly spaced as before; twice gives the clip again."""
    return Video(np.ascontiguousarray(video.frames[::-1]), video.fps, video.notes)


def held(video: Video) -> Video:
    """The first frame for as long as the clip lasts: its look without its motion."""
    return Video(np.repeat(video.frames[:1], len(video.frames), axis=0), video.fps, video.notes)
