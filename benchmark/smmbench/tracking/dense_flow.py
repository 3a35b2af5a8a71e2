"""Tracks by dense optical flow (DIS): works everywhere, needs no weights.

Kroeger et al., "Fast optical flow using dense inverse search" (ECCV 2016), as OpenCV has it, in its
preset `medium`. It smooths the flow over the frame, so points in untextured areas are tracked too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from smmbench.tracking.chain import chain
from smmbench.tracking.flow_field import flow_of
from smmbench.tracking.grid import first_points
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

SMALLEST = 16  # pixels: a frame must hold two patches along each side


@dataclass(frozen=True)
class Parameters:
    """What the tracks depend on, besides the pixels."""

    grid: int = 30  # points along each axis
    max_return: float = 1.0  # pixels: how far a point may miss when it is followed back


class DenseFlow:
    """Tracks a grid of the first frame from frame to frame; see `chain`."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on, besides the pixels."""
        return {
            "tracker": "dis",
            "version": 1,
            "opencv": cv2.__version__,
            **asdict(self.parameters),
        }

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of given points; the same video gives the same tracks.

        Raises:
            ValueError: A side of the frame is shorter than 16 pixels.
        """
        height, width = video.frames.shape[1:3]
        if min(height, width) < SMALLEST:
            raise ValueError(
                f"The tracker dis needs frames of {SMALLEST}x{SMALLEST} pixels or more, "
                f"got {width}x{height}; use lucas-kanade."
            )
        dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
        points = first_points(video, self.parameters.grid, points)
        flow = flow_of(lambda before, after: dis.calc(before, after, None))
        return chain(video, points, flow, self.parameters.max_return)
