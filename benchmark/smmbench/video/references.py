"""Reference videos: clips whose motion a method receives, made from the frames of another clip.

The output of a method that follows its reference changes with it. The same prompts are therefore
run again with the clip played backwards, with another clip, and with a still image.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from smmbench.video.types import Video

Reference = Literal["forward", "reversed", "other", "none"]
"""The motion that a method receives: the clip's own, reversed, another clip's, or none."""


def backwards(video: Video) -> Video:
    """The frames from last to first, evenly spaced as before; twice gives the clip again."""
    return Video(np.ascontiguousarray(video.frames[::-1]), video.fps, video.notes)


def held(video: Video) -> Video:
    """The first frame for the length of the clip: its appearance without its motion."""
    return Video(np.repeat(video.frames[:1], len(video.frames), axis=0), video.fps, video.notes)
