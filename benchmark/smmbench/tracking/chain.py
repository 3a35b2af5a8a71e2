"""Tracks from optical flow: a grid of the first frame goes from frame to frame where flow takes it.

The forward-backward check is that of Kalal et al. (ICPR 2010).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

Grey = UInt8[np.ndarray, "height width"]
Points = Float32[np.ndarray, "n 2"]
Found = Bool[np.ndarray, " n"]
# Where points of one frame are in another, and which of them have an answer.
Flow = Callable[[Grey, Grey, Points], tuple[Points, Found]]


def chain(video: Video, points: Points, flow: Flow, max_return: float) -> Tracks:
    """Follow points of the first frame.

    A point goes where the flow takes it. It waits where it is in a step where the flow has no
    answer, or one outside the frame. It is visible until the first step that has no answer or
    that, followed back, misses where it came from; what comes after is a guess, as every tracker
    gives one for points that it does not see. Guesses stay: on true motion they rank outputs
    better than points that stop where they were lost.

    Args:
        video: What to follow.
        points: (x, y) in pixels.
        flow: From one frame to the next, and back.
        max_return: Pixels that a point may miss when it is followed back.
    """
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video.frames]
    seen = np.ones(len(points), dtype=bool)
    positions, visible = [points], [seen]
    for before, after in pairwise(greys):
        points, trusted = _follow(before, after, points, flow, max_return)
        seen = seen & trusted
        positions.append(points)
        visible.append(seen)
    return Tracks(np.stack(positions, axis=1), np.stack(visible, axis=1))


def _follow(
    before: Grey, after: Grey, points: Points, flow: Flow, max_return: float
) -> tuple[Points, Found]:
    """Where the points went, and which steps to trust."""
    moved, found = flow(before, after, points)
    height, width = after.shape
    found &= ((moved >= 0) & (moved <= [width - 1, height - 1])).all(axis=-1)
    moved = np.where(found[:, None], moved, points)
    returned, back = flow(after, before, moved)
    miss = np.linalg.norm(returned - points, axis=-1)
    return moved, found & back & (miss <= max_return)
