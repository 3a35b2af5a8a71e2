"""The starting points of tracking: a regular grid on the first frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32


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
