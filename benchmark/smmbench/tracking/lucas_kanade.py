"""Tracks by pyramidal Lucas-Kanade: works everywhere, needs no weights.

Bouguet, "Pyramidal implementation of the affine Lucas Kanade feature tracker" (Intel, 2000), as
OpenCV has it; the forward-backward check is that of Kalal et al. (ICPR 2010).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from smmbench.tracking.grid import grid_points
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

Grey = UInt8[np.ndarray, "height width"]
Points = Float32[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Parameters:
    """What the tracks depend on, besides the pixels."""

    grid: int = 30  # points along each axis
    window: int = 21  # side of the square that is compared, in pixels
    levels: int = 3  # times that the frame is halved
    iterations: int = 30  # at most, on each level
    epsilon: float = 0.01  # pixels: a smaller move ends the iterations
    min_eigenvalue: float = 1e-4  # a window with less texture is not followed
    max_return: float = 1.0  # pixels: how far a point may miss when it is followed back


class LucasKanade:
    """Follows a grid of the first frame from frame to frame.

    A point goes where the flow takes it. It waits where it is in a step where the flow has no
    answer: its window has no texture, or the answer lies outside the frame. It is visible until
    the first step that has no answer or that, followed back, misses where it came from; what
    comes after is a guess, as every tracker gives one for points that it does not see. Guesses
    stay: on real clips most tracks drift once, and stopping them there would leave mostly steps
    of no motion, which agree with each other in any two clips.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on, besides the pixels."""
        return {
            "tracker": "lucas-kanade",
            "version": 1,
            "opencv": cv2.__version__,
            **asdict(self.parameters),
        }

    def track(self, video: Video) -> Tracks:
        """Tracks of the grid; the same video gives the same tracks."""
        greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video.frames]
        height, width = greys[0].shape
        points = grid_points(width, height, self.parameters.grid)
        seen = np.ones(len(points), dtype=bool)
        positions, visible = [points], [seen]
        for before, after in pairwise(greys):
            points, trusted = self._follow(before, after, points)
            seen = seen & trusted
            positions.append(points)
            visible.append(seen)
        return Tracks(np.stack(positions, axis=1), np.stack(visible, axis=1))

    def _follow(
        self, before: Grey, after: Grey, points: Points
    ) -> tuple[Points, Bool[np.ndarray, " n"]]:
        """Where the points went, and which steps to trust."""
        moved, found = self._flow(before, after, points)
        height, width = after.shape
        found &= ((moved >= 0) & (moved <= [width - 1, height - 1])).all(axis=-1)
        moved = np.where(found[:, None], moved, points)
        returned, back = self._flow(after, before, moved)
        miss = np.linalg.norm(returned - points, axis=-1)
        return moved, found & back & (miss <= self.parameters.max_return)

    def _flow(
        self, before: Grey, after: Grey, points: Points
    ) -> tuple[Points, Bool[np.ndarray, " n"]]:
        p = self.parameters
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, p.iterations, p.epsilon)
        moved, status, _ = cv2.calcOpticalFlowPyrLK(
            before,
            after,
            points[:, None],
            points[:, None].copy(),  # overwritten
            winSize=(p.window, p.window),
            maxLevel=p.levels,
            criteria=stop,
            minEigThreshold=p.min_eigenvalue,
        )
        return moved[:, 0], status[:, 0].astype(bool)
