"""How much of an output's change over time is the source itself, filtered, faded or recoloured.

A copy moves like its source, and so does a still picture with a faint copy laid over it. Both are
linear in the source: copies, overlays, other colours, shifts, blurs and edge images all are. So the
output's change is predicted from the source by least squares, one linear filter for the whole clip;
a transfer shows another object or scene, which no filter of the source gives.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import Float, Float32

from smmbench.marks.thumbnails import Frames, Thumbnails, thumbnails

SCALES = (0.0, 1.0, 2.0, 4.0)
"""Pixels of a thumbnail: standard deviations of the Gaussians."""
DERIVED = (1.0, 2.0)
"""Scales of which the derivatives are taken too."""
DERIVATIVES = ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
"""Orders along x and y: with the Gaussians, a Taylor basis of small shifts and sharpenings."""
RIDGE = 1e-4
"""Weight of the filter's size, with regressors of unit size: nearly equal ones stay apart."""


def source_share(source: Frames, output: Frames) -> float:
    """Share of the energy of the output's change that filters of the source's change explain.

    Change is the departure of each pixel from its mean over time: what stands still, on either
    side, does not enter. A filter takes the three channels of the source, at four scales and with
    derivatives at two, and is the same at every place and time.

    Args:
        source: The source clip.
        output: What was made from it, in the same form.

    Returns:
        0 to 1: 1 for a copy and for an overlay over a still; 0 where either does not change.
    """
    return explained(*(less(thumbnails(clip), axis=(0,)) for clip in (source, output)))


def picture_share(source: Frames, output: Frames) -> float:
    """The same of whole pictures: each channel less its mean over the clip.

    A copy has both shares near 1; an overlay over a still has the first alone. A transfer that
    keeps the scene has much of this one.
    """
    return explained(*(less(thumbnails(clip), axis=(0, 1, 2)) for clip in (source, output)))


def less(frames: Thumbnails, axis: tuple[int, ...]) -> Thumbnails:
    """The departure of frames from their mean over some axes."""
    mean = frames.mean(axis=axis, keepdims=True, dtype=np.float64)
    return (frames - mean).astype(np.float32)


def explained(source: Thumbnails, target: Thumbnails) -> float:
    """Share of the energy of a target that the best filters of a source give, 0 to 1."""
    energy = float(np.square(target, dtype=np.float64).sum())
    gram, cross = _moments(source, target)
    size = np.sqrt(np.diagonal(gram))
    if energy == 0 or not size.any():
        return 0.0
    size = np.where(size > 0, size, 1.0)
    gram, cross = gram / np.outer(size, size), cross / size[:, None]
    filters = np.linalg.solve(gram + RIDGE * np.eye(len(gram)), cross)
    given = 2 * (cross * filters).sum() - (filters * (gram @ filters)).sum()
    return float(np.clip(given / energy, 0.0, 1.0))


def _moments(
    source: Thumbnails, target: Thumbnails
) -> tuple[Float[np.ndarray, "regressors regressors"], Float[np.ndarray, "regressors 3"]]:
    """Products of all regressors with each other and with the target, summed over the clip."""
    count = 3 * (len(SCALES) + len(DERIVED) * len(DERIVATIVES))
    gram, cross = np.zeros((count, count)), np.zeros((count, 3))
    for frame, wanted in zip(source, target, strict=True):
        regressors = np.concatenate(list(_regressors(frame)), axis=-1).reshape(-1, count)
        gram += regressors.T @ regressors
        cross += regressors.T @ wanted.reshape(-1, 3)
    return gram, cross


def _regressors(
    frame: Float32[np.ndarray, "rows columns 3"],
) -> Iterator[Float32[np.ndarray, "rows columns 3"]]:
    for scale in SCALES:
        smooth = cv2.GaussianBlur(frame, (0, 0), scale) if scale else frame
        yield smooth
        if scale in DERIVED:
            for along_x, along_y in DERIVATIVES:
                yield cv2.Sobel(smooth, cv2.CV_32F, along_x, along_y, ksize=3)
