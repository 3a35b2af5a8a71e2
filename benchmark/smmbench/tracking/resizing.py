"""Resizing of frames for a learned tracker, and of its positions back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Resizing:
    """Maps between frames of two sizes; (0, 0) is the centre of the first pixel in both.

    Attributes:
        width: Width of the clip's frames, in pixels.
        height: Height of the clip's frames.
        to_width: Width of the frames that the tracker sees.
        to_height: Height of the frames that the tracker sees.
    """

    width: int
    height: int
    to_width: int
    to_height: int

    def frames(self, frames: UInt8[np.ndarray, "time height width 3"]) -> torch.Tensor:
        """The frames in the other size, 0 to 255: (time, 3, height, width), float32."""
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
        size = (self.to_height, self.to_width)
        if pixels.shape[2:] == size:
            return pixels
        return torch.nn.functional.interpolate(
            pixels, size=size, mode="bilinear", align_corners=False, antialias=True
        )

    def there(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Positions (x, y) in the other size."""
        return (points + 0.5) * self._scale - 0.5

    def back(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Positions (x, y) in the clip's own size."""
        return (points + 0.5) / self._scale - 0.5

    @property
    def _scale(self) -> Float[np.ndarray, " 2"]:
        scale = (self.to_width / self.width, self.to_height / self.height)
        return np.array(scale, dtype=np.float32)
