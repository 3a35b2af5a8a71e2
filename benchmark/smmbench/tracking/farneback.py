"""Tracks by dense optical flow (Farnebäck): works everywhere, needs no weights.

Farnebäck, "Two-frame motion estimation based on polynomial expansion" (SCIA 2003), as OpenCV has
it. A quadratic polynomial is fitted to the neighbourhood of every pixel, and the displacement is
what carries the polynomials of one frame into those of the next. The parameters are those of
OpenCV's own tutorial, apart from the margin, without which points near the border of a still clip
move. The margin was not chosen blind: of those that were tried on seven clips, 64 also had a lower
error on moving points, because it gives frames of 128 pixels a third level of the pyramid
(benchmark/docs/tracker-agreement.md). Displacements are averaged over a large window, so the
forward-backward check notices a cut less often than with the other trackers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from smmbench.tracking.chain import Grey, chain
from smmbench.tracking.flow_field import Field, flow_of
from smmbench.tracking.grid import first_points
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video


@dataclass(frozen=True)
class Parameters:
    """What the tracks depend on, besides the pixels."""

    grid: int = 30  # points along each axis
    scale: float = 0.5  # size of a level of the pyramid, relative to the next larger one
    levels: int = 3  # times that the frame is made smaller, while its sides keep 32 pixels
    window: int = 15  # side of the square over which displacements are averaged, in pixels
    iterations: int = 3  # on each level
    neighbourhood: int = 5  # side of the square to which a polynomial is fitted, in pixels
    sigma: float = 1.2  # pixels: standard deviation of the weights of that fit
    margin: int = 64  # pixels: half a window on the smallest level reaches 56 in the frame
    max_return: float = 1.0  # pixels: how far a point may miss when it is followed back


class Farneback:
    """Tracks a grid of the first frame from frame to frame; see `chain`."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on, besides the pixels."""
        return {
            "tracker": "farneback",
            "version": 1,
            "opencv": cv2.__version__,
            **asdict(self.parameters),
        }

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of given points; the same video gives the same tracks."""
        points = first_points(video, self.parameters.grid, points)
        return chain(video, points, flow_of(self._field), self.parameters.max_return)

    def _field(self, before: Grey, after: Grey) -> Field:
        p = self.parameters
        height, width = before.shape
        # The last row and column are compared with nothing, so that even a still clip has flow
        # there, which the averages spread. Continuing the edges keeps it out of the frame.
        before, after = (
            cv2.copyMakeBorder(grey, *4 * (p.margin,), cv2.BORDER_REPLICATE)
            for grey in (before, after)
        )
        field = cv2.calcOpticalFlowFarneback(  # type: ignore[call-overload]
            before,
            after,
            None,  # no initial flow
            pyr_scale=p.scale,
            levels=p.levels,
            winsize=p.window,
            iterations=p.iterations,
            poly_n=p.neighbourhood,
            poly_sigma=p.sigma,
            flags=0,
        )
        inside = field[p.margin : p.margin + height, p.margin : p.margin + width]
        return np.ascontiguousarray(inside)
