"""Textures, and videos in which a texture moves by known steps."""

from __future__ import annotations

import cv2
import numpy as np

from smmbench.video import Video


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth random texture, 0 to 255."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]


def panned(step: tuple[float, float], frames: int = 6) -> Video:
    """A window of 96x80 that shows a texture moving by `step` pixels a frame."""
    ground = textured(200, 200)
    shots = []
    for t in range(frames):
        move = np.array([[1, 0, -50 + step[0] * t], [0, 1, -50 + step[1] * t]])
        shots.append(cv2.warpAffine(ground, move, (96, 80), flags=cv2.INTER_LINEAR))
    return Video(np.repeat(np.stack(shots)[..., None], 3, axis=-1), 8.0)
