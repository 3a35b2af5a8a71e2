"""Clips as they appear at a glance: small, and without grain."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

SIDE = 128
"""Number of pixels of a thumbnail's longer side."""
BLUR = 1.0
"""Standard deviation, in pixels of a thumbnail, of the Gaussian that removes grain."""

Frames = UInt8[np.ndarray, "time height width 3"]
Thumbnails = Float32[np.ndarray, "time rows columns 3"]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # Rec. 601, of R, G, B


def thumbnails(frames: Frames) -> Thumbnails:
    """Frames scaled down to a longer side of at most 128 pixels, and slightly blurred.

    A single size makes marks comparable across resolutions. The blur removes what is too fine to be
    seen moving.

    Returns:
        Frames in levels of 255.
    """
    height, width = frames.shape[1:3]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = (cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames)
    return np.stack([cv2.GaussianBlur(frame.astype(np.float32), (0, 0), BLUR) for frame in small])


def luma(frames: Thumbnails) -> Float32[np.ndarray, "time rows columns"]:
    """Brightness of each pixel, in levels of 255."""
    return frames @ _LUMA


def less(frames: Thumbnails, axis: tuple[int, ...]) -> Thumbnails:
    """The deviation of frames from their mean over some axes."""
    mean = frames.mean(axis=axis, keepdims=True, dtype=np.float64)
    return np.subtract(frames, mean, out=np.empty(frames.shape, np.float32), casting="unsafe")
