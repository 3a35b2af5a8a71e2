"""Checks that a tracker follows a known motion."""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np

from smmbench.tracking.tracker import Tracker
from smmbench.tracking.types import Tracks
from smmbench.video import Video

GRID = 12  # points along each axis
STEP = (2, 1)  # pixels (x, y) a frame
SIDE, FRAMES, FPS = 256, 8, 8.0
ALLOWED = 1.0  # pixels of median error


@dataclass(frozen=True)
class Checked:
    """The result of a tracker on a moving texture.

    Attributes:
        median_error: Median error in pixels over points and frames inside the picture.
        seen: Share of these that the tracker reports as visible.
        seconds: Time taken.
        frames: Number of frames of the clip.
        side: Side of its frames, in pixels.
        follows: Whether the median error is at most one pixel.
    """

    median_error: float
    seen: float
    seconds: float
    frames: int = FRAMES
    side: int = SIDE
    follows: bool = False


def check(tracker: Tracker) -> Checked:
    """Track a texture that moves by whole pixels, and compare with the ground truth."""
    begun = time.perf_counter()
    tracks = tracker.track(moving_texture())
    seconds = time.perf_counter() - begun
    truth = _truth(tracks)
    inside = ((truth >= 0) & (truth <= SIDE - 1)).all(axis=-1)
    errors = np.linalg.norm(tracks.points - truth, axis=-1)[inside]
    median = float(np.median(errors))
    seen = float(tracks.visible[inside].mean())
    return Checked(median, seen, seconds, follows=median <= ALLOWED)


def moving_texture() -> Video:
    """A smooth random texture that moves by `STEP` pixels a frame."""
    right, down = (step * (FRAMES - 1) for step in STEP)
    noise = np.random.default_rng(0).random((SIDE + down, SIDE + right, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    low, high = smooth.min(), smooth.max()
    texture = np.round(255 * (smooth - low) / (high - low)).astype(np.uint8)
    starts = [(down - STEP[1] * t, right - STEP[0] * t) for t in range(FRAMES)]
    return Video(np.stack([texture[y : y + SIDE, x : x + SIDE] for y, x in starts]), FPS)


def _truth(tracks: Tracks) -> np.ndarray:
    steps = np.arange(tracks.points.shape[1])[:, None] * np.array(STEP, dtype=np.float64)
    return tracks.points[:, :1].astype(np.float64) + steps
