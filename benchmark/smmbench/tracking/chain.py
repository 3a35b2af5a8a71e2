"""Tracks from optical flow: a grid of the first frame is moved along the flow, frame by frame.

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
# Positions of points of one frame in another, and which of them are valid.
Flow = Callable[[Grey, Grey, Points], tuple[Points, Found]]


def chain(video: Video, points: Points, flow: Flow, max_return: float) -> Tracks:
    """Track points of the first frame.

    A point moves along the flow. It stays where it is in a step for which the flow is invalid or
    leads outside the frame. It is visible until the first step that is invalid or fails the
    forward-backward check; later positions are estimates, as every tracker gives for points that
    it does not see. Estimates are kept: with ground-truth motion they rank outputs better than
    points that stop where they were lost.

    Args:
        video: The video.
        points: (x, y) in pixels.
        flow: Flow from one frame to the next, and back.
        max_return: Maximum forward-backward error in pixels.
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
    """The positions of the points, and which steps are reliable."""
    moved, found = flow(before, after, points)
    height, width = after.shape
    found &= ((moved >= 0) & (moved <= [width - 1, height - 1])).all(axis=-1)
    moved = np.where(found[:, None], moved, points)
    returned, back = flow(after, before, moved)
    miss = np.linalg.norm(returned - points, axis=-1)
    return moved, found & back & (miss <= max_return)
