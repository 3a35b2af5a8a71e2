"""Which tracks lie on the foreground: by a mask, or by moving differently from the rest.

A grid over the whole frame dilutes an object that fills a tenth of it: losing its motion costs only
a tenth of one direction. A second number is therefore computed over the foreground alone.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64

_FIT = 1.0  # pixels: maximum distance of a point of the common motion from its fit


def begins_on(
    points: Float[np.ndarray, "n time 2"], mask: Bool[np.ndarray, "height width"]
) -> Bool[np.ndarray, " n"]:
    """Tracks whose first position lies on the mask of the first frame.

    A transfer places the new object where the old one was, so the source's mask applies to the
    output too, insofar as the objects have the same shape.

    Args:
        points: Positions (x, y) in pixels of the mask; (0, 0) is the centre of its first pixel.
        mask: True on the foreground.
    """
    x, y = np.floor(points[:, 0].astype(np.float64) + 0.5).astype(int).T
    height, width = mask.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]


def moves_otherwise(
    points: Float[np.ndarray, "n time 2"], still_threshold: float
) -> Bool[np.ndarray, " n"]:
    """Tracks that do not follow the motion that most of the frame has in common.

    In each step an affine motion, which models the camera, is fitted to all points (RANSAC). A
    track is selected if its mean deviation from that motion over the steps exceeds the threshold.
    If an object fills most of the frame, the object's motion is the common one.

    Args:
        points: Positions (x, y) in pixels.
        still_threshold: Threshold in pixels per step.
    """
    frames = np.ascontiguousarray(np.moveaxis(points.astype(np.float64), 1, 0))
    departure = [
        np.linalg.norm(after - _common(before, after), axis=-1)
        for before, after in pairwise(frames)
    ]
    return np.mean(departure, axis=0) > still_threshold


def _common(
    before: Float64[np.ndarray, "n 2"], after: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "n 2"]:
    """Where the common motion takes the points; their median shift, if no affine motion fits."""
    # OpenCV draws its samples from a generator of fixed seed: the same points give the same fit.
    fit = None
    if len(before) >= 3:
        fit, _ = cv2.estimateAffine2D(before, after, ransacReprojThreshold=_FIT)
    if fit is None:
        return before + np.median(after - before, axis=0)
    return before @ fit[:, :2].T + fit[:, 2]
