"""A least-squares affine map between the pictures of two clips, and its application.

The Gauss-Newton method minimises the squared difference of the two, with one gain.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from smmbench.marks.candidates import Map, Volume
from smmbench.marks.thumbnails import Thumbnails

STEPS = 8
"""Gauss-Newton steps at each blur."""
BLURS = (1.5, 0.5)
"""Blurs in pixels of a fine picture, coarse to fine."""

LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
AT_ONCE = 4
"""Pictures that OpenCV maps in one call as channels; more channels take a slower path."""

Plane = Float32[np.ndarray, "rows columns"]
Volumes = Float32[np.ndarray, "volumes time rows columns"]
Packed = Float32[np.ndarray, "calls rows columns channels"]


def fitted(source: Volume, output: Volume, matrix: Map) -> Map:
    """Fit a map that takes pixels of the output to those of the source, from a first guess."""
    frames, rows, columns = output.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    places = (x, y, np.ones_like(x))
    jacobian = np.zeros((8, frames, rows, columns), np.float32)  # 6, and 2 empty ones: see `_step`
    for blur in BLURS:
        ours, theirs = (
            np.stack([cv2.GaussianBlur(frame, (0, 0), blur) for frame in clip])
            for clip in (source, output)
        )
        packed = _packed([ours, *(np.gradient(ours, axis=axis) for axis in (2, 1))])
        for _ in range(STEPS):
            moved, *slopes = _mapped_volumes(packed, matrix, frames)
            covered = covered_by(matrix, (rows, columns))
            power = float(np.square(moved * covered).sum())
            gain = float((moved * theirs * covered).sum()) / power if power > 0 else 0.0
            if gain == 0:
                return matrix
            error = ((theirs - gain * moved) * covered).ravel()
            weights = [place * covered * gain for place in places]
            for i, slope in enumerate(slopes):
                for j, weight in enumerate(weights):
                    np.multiply(slope, weight, out=jacobian[3 * i + j])
            matrix = matrix + _step(jacobian.reshape(8, -1), error)
    return matrix


def mapped(source: Thumbnails, matrix: Map) -> tuple[Thumbnails, Plane]:
    """Mapped thumbnails, and the pixels that they cover."""
    size = source.shape[2], source.shape[1]
    frames = np.empty(source.shape, np.float32)
    for frame, out in zip(source, frames, strict=True):
        cv2.warpAffine(frame, matrix, size, dst=out, flags=LINEAR)
    return frames, covered_by(matrix, source.shape[1:3])


def covered_by(matrix: Map, shape: tuple[int, int]) -> Plane:
    """1 where the map shows a pixel of a source of this shape, and 0 elsewhere."""
    return cv2.warpAffine(np.ones(shape, np.float32), matrix, shape[::-1], flags=NEAREST)


def _step(jacobian: Float32[np.ndarray, "8 pixels"], error: Float32[np.ndarray, " pixels"]) -> Map:
    """A step from the first six rows; a product of eight is faster, and gives the same."""
    normal = (jacobian @ jacobian.T)[:6, :6].astype(np.float64)
    normal += 1e-3 * np.diag(np.diagonal(normal)) + 1e-9 * np.eye(6)
    return np.linalg.solve(normal, (jacobian[:6] @ error).astype(np.float64)).reshape(2, 3)


def _packed(volumes: Sequence[Volume]) -> Packed:
    """Pictures of volumes packed as channels for one call, filled up with black pictures."""
    pictures = np.concatenate(volumes)
    black = np.zeros((-len(pictures) % AT_ONCE, *pictures.shape[1:]), np.float32)
    calls = np.concatenate([pictures, black]).reshape(-1, AT_ONCE, *pictures.shape[1:])
    return np.ascontiguousarray(calls.transpose(0, 2, 3, 1))


def _mapped_volumes(packed: Packed, matrix: Map, frames: int) -> Volumes:
    """The three packed volumes, of so many frames each, as the map shows them."""
    calls, rows, columns, channels = packed.shape
    pictures = np.empty((calls, channels, rows, columns), np.float32)
    for picture, out in zip(packed, pictures, strict=True):
        shown = cv2.warpAffine(picture, matrix, (columns, rows), flags=LINEAR)
        cv2.split(shown, list(out))
    return pictures.reshape(-1, rows, columns)[: 3 * frames].reshape(3, frames, rows, columns)
