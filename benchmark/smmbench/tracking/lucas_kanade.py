"""Tracks by pyramidal Lucas-Kanade: works everywhere, needs no weights.

Bouguet, "Pyramidal implementation of the affine Lucas Kanade feature tracker" (Intel, 2000), as
OpenCV has it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from smmbench.tracking.chain import Found, Grey, Points, chain
from smmbench.tracking.grid import first_points
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video


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
    """Tracks a grid of the first frame from frame to frame; see `chain`."""

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

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of given points; the same video gives the same tracks."""
        points = first_points(video, self.parameters.grid, points)
        return chain(video, points, self._flow, self.parameters.max_return)

    def _flow(self, before: Grey, after: Grey, points: Points) -> tuple[Points, Found]:
        """Points are invalid where the window has no texture."""
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
