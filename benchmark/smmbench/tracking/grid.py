"""The starting points of tracking: a regular grid on the first frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from smmbench.video.types import Video


def grid_points(width: int, height: int, grid: int) -> Float32[np.ndarray, "n 2"]:
    """Centres of the cells when a frame is cut into `grid` x `grid` equal cells.

    The margin is therefore half a cell on every side, for any frame size: no point lies on the
    border, and every point represents the same area.

    Returns:
        Positions (x, y) in pixels, row by row; n = grid * grid.
    """
    if grid < 1:
        raise ValueError(f"A grid needs at least one point along each axis, got {grid}.")
    along = (np.arange(grid) + 0.5) / grid
    x, y = np.meshgrid(along * width - 0.5, along * height - 0.5)
    return np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float32)


def first_points(
    video: Video, grid: int, points: Float[np.ndarray, "n 2"] | None = None
) -> Float32[np.ndarray, "n 2"]:
    """Where the points of a clip are to begin: at given positions, or on the grid."""
    if points is not None:
        return np.ascontiguousarray(points, dtype=np.float32)
    height, width = video.frames.shape[1:3]
    return grid_points(width, height, grid)
