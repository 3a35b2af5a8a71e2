"""The value that trackers give: positions of points through a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, eq=False)
class Tracks:
    """Points followed through a clip.

    Attributes:
        points: Positions (x, y) in pixels of the clip; (0, 0) is the centre of the upper left
            pixel. Finite everywhere: an unseen point has the tracker's guess.
        visible: Whether the tracker trusts the position.
    """

    points: Float[np.ndarray, "n time 2"]
    visible: Bool[np.ndarray, "n time"]

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[-1] != 2:
            raise ValueError(f"Tracks have shape (points, frames, 2), got {self.points.shape}.")
        if self.visible.shape != self.points.shape[:2]:
            raise ValueError(
                f"Visibility has shape (points, frames) = {self.points.shape[:2]}, "
                f"got {self.visible.shape}."
            )
        if not np.isfinite(self.points).all():
            raise ValueError("Tracks hold positions that are not finite.")
