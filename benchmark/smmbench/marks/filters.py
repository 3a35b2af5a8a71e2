"""The share of a clip that linear filters of another explain, by least squares over all pixels.

A filter uses the three channels of a frame at four scales, with derivatives at two of them, and is
the same at every place and time. Regressors are contiguous in memory, which is fastest for matrix
products. A clip with which many others are compared is filtered once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from smmbench.marks.thumbnails import Thumbnails

SCALES = (0.0, 1.0, 2.0, 4.0)
"""Standard deviations of the Gaussians, in pixels of a thumbnail."""
DERIVED = (1.0, 2.0)
"""Scales at which derivatives are also used."""
DERIVATIVES = ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
"""Orders along x and y: with the Gaussians, a Taylor basis of small shifts and sharpenings."""
COUNT = 3 * (len(SCALES) + len(DERIVED) * len(DERIVATIVES))
"""Number of regressors of a frame."""
TOGETHER = 64
"""Regressors and target are multiplied in one product if the pixels are a multiple of this number.

For other sizes, libraries round the sums of one and of two products differently.
"""
RIDGE = 1e-4
"""Regularisation weight for regressors of unit size, which separates nearly equal ones."""

Frame = Float32[np.ndarray, "rows columns 3"]
Planes = Float32[np.ndarray, "regressors rows columns"]
Gram = Float[np.ndarray, "regressors regressors"]
Cross = Float[np.ndarray, "regressors 3"]


@dataclass(frozen=True)
class Filtered:
    """A clip's regressors, frame by frame, and their products with each other over the clip."""

    planes: Sequence[Planes]
    gram: Gram


def explained(source: Thumbnails, target: Thumbnails, energy: float | None = None) -> float:
    """Share of a target's energy that the best filters of a source explain, 0 to 1.

    Args:
        source: The filtered clip.
        target: The clip to be explained.
        energy: Energy of the target, if it is known already.

    Raises:
        ValueError: The clips have different numbers of frames.
    """
    sides = source.shape[1:3]
    rows = np.zeros((COUNT + 6, *sides), np.float32)  # three are the target's, three stay empty
    gram, cross = np.zeros((COUNT, COUNT)), np.zeros((COUNT, 3))
    for frame, wanted in zip(source, target, strict=True):
        planes = regressors(frame, rows[:COUNT])
        if wanted[..., 0].size % TOGETHER:
            gram += _products(planes)
            cross += _with_target(planes, wanted)
        else:
            rows[COUNT : COUNT + 3] = wanted.transpose(2, 0, 1)
            both = _products(rows)
            gram += both[:COUNT, :COUNT]
            cross += both[:COUNT, COUNT : COUNT + 3]
    return _share(gram, cross, energy_of(target) if energy is None else energy)


def filtered(source: Thumbnails) -> Filtered:
    """Filter a clip once, for `explained_by` of many targets: 42 numbers for each pixel."""
    size = (COUNT, *source.shape[1:3])
    planes = [regressors(frame, np.empty(size, np.float32)) for frame in source]
    return Filtered(planes, _summed(_products(one) for one in planes))


def explained_by(source: Filtered, target: Thumbnails) -> float:
    """Bit-identical to `explained`, for a source that was filtered before."""
    cross = np.zeros((COUNT, 3))
    for planes, wanted in zip(source.planes, target, strict=True):
        cross += _with_target(planes, wanted)
    return _share(source.gram, cross, energy_of(target))


def energy_of(frames: Thumbnails) -> float:
    """Sum of squares."""
    return float(np.square(frames, dtype=np.float64).sum())


def regressors(frame: Frame, out: Planes) -> Planes:
    """Fill an array with the regressors of a frame: three planes for each filter."""
    for picture, at in zip(_filters(frame), range(0, COUNT, 3), strict=True):
        out[at : at + 3] = picture.transpose(2, 0, 1)
    return out


def _filters(frame: Frame) -> Iterator[Frame]:
    for scale in SCALES:
        smooth = cv2.GaussianBlur(frame, (0, 0), scale) if scale else frame
        yield smooth
        if scale in DERIVED:
            for along_x, along_y in DERIVATIVES:
                yield cv2.Sobel(smooth, cv2.CV_32F, along_x, along_y, ksize=3)


def _products(planes: Planes) -> Float32[np.ndarray, "regressors regressors"]:
    rows = planes.reshape(len(planes), -1)
    return rows @ rows.T


def _with_target(planes: Planes, wanted: Frame) -> Float32[np.ndarray, "regressors 3"]:
    return planes.reshape(COUNT, -1) @ wanted.reshape(-1, 3)


def _summed(grams: Iterable[Float32[np.ndarray, "regressors regressors"]]) -> Gram:
    total = np.zeros((COUNT, COUNT))
    for gram in grams:
        total += gram
    return total


def _share(gram: Gram, cross: Cross, energy: float) -> float:
    """Solve the least squares; 0 where either side is empty."""
    size = np.sqrt(np.diagonal(gram))
    if energy == 0 or not size.any():
        return 0.0
    size = np.where(size > 0, size, 1.0)
    gram, cross = gram / np.outer(size, size), cross / size[:, None]
    filters = np.linalg.solve(gram + RIDGE * np.eye(len(gram)), cross)
    given = 2 * (cross * filters).sum() - (filters * (gram @ filters)).sum()
    return float(np.clip(given / energy, 0.0, 1.0))
