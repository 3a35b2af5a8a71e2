"""Dense optical flow between two frames, looked up at points between pixels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float32

from smmbench.tracking.chain import Flow, Found, Grey, Points

Field = Float32[np.ndarray, "height width 2"]
"""Displacement (x, y) in pixels of every pixel of a frame."""

LOOKS = 2**14  # points looked up at once: OpenCV counts rows in 16 bits


def flow_of(field_between: Callable[[Grey, Grey], Field]) -> Flow:
    """Turn a dense flow into the flow of points; every point is valid.

    Args:
        field_between: Displacements from one frame to another.
    """

    def flow(before: Grey, after: Grey, points: Points) -> tuple[Points, Found]:
        field = field_between(before, after)
        steps = [_look_up(field, points[i : i + LOOKS]) for i in range(0, len(points), LOOKS)]
        return points + np.concatenate(steps), np.ones(len(points), dtype=bool)

    return flow


def _look_up(field: Field, points: Points) -> Points:
    """The flow at points between pixels, by bilinear interpolation."""
    x, y = points[:, :1], points[:, 1:]
    return cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
