"""How much of an output's change over time is the source, after it was moved in space or time.

The source mirrored, played backwards, delayed, shifted, or shown smaller in a corner has the
directions of the source or many of them, and no filter that stays in its place gives it
(`source_share`). So the source is registered to the output first: by cross-correlation of their
changes over time, for every mirroring, both directions of time and a few sizes, at all shifts and
delays at once; then by a least-squares fit of an affine map. The share is that of `source_share`,
of the source as it was moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from smmbench.marks.source_share import explained, less
from smmbench.marks.thumbnails import Frames, Thumbnails, luma, thumbnails

COARSE = 0.25
"""Size of the pictures in which shifts and delays are searched, over that of thumbnails."""
FINE = 0.5
"""Size of the pictures in which the affine map is fitted."""
SIZES = (1.0, 0.8, 0.64, 0.5, 0.4, 0.32, 1.25, 1.56)
"""Sizes of the moved source that are tried, over its own."""
LONGEST_DELAY = 0.5
"""Share of a clip by which the source may be delayed: of less overlap, nothing is said."""
REFINED = 4
"""Candidates for which the map is fitted; the best one counts."""
STEPS = 8
"""Steps of Gauss and Newton's method at each blur."""
BLURS = (1.5, 0.5)
"""Pixels of a fine picture: coarse agreement first."""
LEAST_SEEN, HALF = 0.04, 0.5
"""Shares of the picture that the moved source must cover, to be looked at, and to be a copy."""

Volume = Float32[np.ndarray, "time rows columns"]
Small = Float32[np.ndarray, "time small_rows small_columns"]
Part = Float32[np.ndarray, "frames rows columns 3"]
Plane = Float32[np.ndarray, "rows columns"]
Map = Float[np.ndarray, "2 3"]


@dataclass(frozen=True)
class Motion:
    """How a source is moved: mirrored and turned round in time, then delayed and mapped.

    Attributes:
        mirrored: Axes that are turned round: 0 for time, 1 for rows, 2 for columns.
        delay: Frames by which the output is later.
        map: From a pixel (x, y, 1) of the output's thumbnail to one of the source's.
        agreement: Correlation of the two changes over time, 0 to 1.
    """

    mirrored: tuple[int, ...]
    delay: int
    map: Map
    agreement: float


def moved_source(source: Frames, output: Frames) -> float:
    """Share of the output's change that filters of the source's change explain, once it is moved.

    Change is the departure of each pixel from its mean over the frames that the moved source
    covers. What changes outside of the moved source is not explained.

    Args:
        source: The source clip.
        output: What was made from it, in the same form.

    Returns:
        0 to 1: 1 for the source moved as a whole; 0 where either does not change.
    """
    return max((share for share, _ in _shares(source, output)), default=0.0)


def moved_picture(source: Frames, output: Frames) -> float:
    """The same of whole pictures, under the motion that explains most of the change.

    Only where the moved source is seen: what a shift brings in at an edge is not the source. A
    moved copy has both shares near 1; one that is shown small in a corner has the first alone.

    Returns:
        0 to 1; 0 where the moved source covers less than half of the picture.
    """
    shares = [(share, motion) for share, motion in _shares(source, output) if share > 0]
    if not shares:
        return 0.0
    _, best = max(shares, key=lambda one: one[0])
    ours, theirs = _together(thumbnails(source), thumbnails(output), best)
    moved, covered = _mapped(less(ours, (0, 1, 2)), best.map)
    inside = less(theirs, (0, 1, 2)) * covered[None, :, :, None]
    return explained(moved, inside) if covered.mean() >= HALF else 0.0


def _shares(source: Frames, output: Frames) -> Iterator[tuple[float, Motion]]:
    """The share of the change that each of the best candidates explains, with its fitted map."""
    ours, theirs = thumbnails(source), thumbnails(output)
    changes = [luma(less(clip, axis=(0,))) for clip in (ours, theirs)]
    if not all(change.any() for change in changes):
        return
    found = sorted(_candidates(*changes), key=lambda motion: -motion.agreement)[:REFINED]
    for motion in found:
        first, second = _together(ours, theirs, motion)
        small = [_resized(luma(less(clip, axis=(0,))), FINE) for clip in (first, second)]
        fine = _scaled(_fitted(small[0], small[1], _scaled(motion.map, FINE)), 1 / FINE)
        fitted = Motion(motion.mirrored, motion.delay, fine, motion.agreement)
        yield _share(first, second, fine), fitted


def _candidates(source: Volume, output: Volume) -> Iterator[Motion]:
    """The best shift for each mirroring, direction of time, size and delay."""
    small = _resized(output, COARSE)
    frames, rows, columns = small.shape
    padded, axes = (2 * frames, 2 * rows, 2 * columns), (0, 1, 2)
    wanted, energy = np.conj(np.fft.rfftn(small, padded, axes)), _energies(small)
    longest = int(LONGEST_DELAY * frames)
    for size in SIZES:
        shown = _resized(source, COARSE * size)
        for mirrored in _mirrorings():
            turned = np.flip(shown, mirrored) if mirrored else shown
            powers = _energies(turned)
            correlation = np.abs(
                np.fft.irfftn(np.fft.rfftn(turned, padded, axes) * wanted, padded, axes)
            )
            for delay in range(-longest, longest + 1):
                plane = correlation[-delay]
                down, right = np.unravel_index(plane.argmax(), plane.shape)
                shift = [
                    (int(at) - (2 * side if at >= side else 0)) / size
                    for at, side in ((right, columns), (down, rows))
                ]
                coarse = np.array([[1 / size, 0, shift[0]], [0, 1 / size, shift[1]]])
                first, last = max(0, delay), frames + min(0, delay)
                power = energy[first:last].sum() * powers[first - delay : last - delay].sum()
                agreement = float(plane[down, right]) / float(np.sqrt(power)) if power > 0 else 0.0
                yield Motion(mirrored, delay, _scaled(coarse, 1 / COARSE), agreement)


def _energies(volume: Volume) -> Float[np.ndarray, " time"]:
    return np.square(volume, dtype=np.float64).sum(axis=(1, 2))


def _mirrorings() -> Iterator[tuple[int, ...]]:
    for time in ((), (0,)):
        for place in ((), (1,), (2,), (1, 2)):
            yield (*time, *place)


def _together(source: Thumbnails, output: Thumbnails, motion: Motion) -> tuple[Part, Part]:
    """The source mirrored and delayed, and the output: the frames that both have."""
    turned = np.flip(source, motion.mirrored) if motion.mirrored else source
    first, last = max(0, motion.delay), len(output) + min(0, motion.delay)
    return turned[first - motion.delay : last - motion.delay], output[first:last]


def _share(source: Thumbnails, output: Thumbnails, matrix: Map) -> float:
    """What filters of the mapped source explain, of all of the output's change."""
    moved, covered = _mapped(less(source, (0,)), matrix)
    theirs = less(output, (0,))
    inside = theirs * covered[None, :, :, None]
    whole, seen = (float(np.square(one, dtype=np.float64).sum()) for one in (theirs, inside))
    if covered.mean() < LEAST_SEEN or seen == 0:
        return 0.0
    return explained(moved, inside) * seen / whole


def _fitted(source: Volume, output: Volume, matrix: Map) -> Map:
    """Fit an affine map and a gain, by Gauss and Newton's method on the squared difference."""
    rows, columns = output.shape[1:]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    for blur in BLURS:
        ours, theirs = (
            np.stack([cv2.GaussianBlur(frame, (0, 0), blur) for frame in clip])
            for clip in (source, output)
        )
        slopes = [np.gradient(ours, axis=axis) for axis in (2, 1)]
        for _ in range(STEPS):
            moved, covered = _mapped(ours, matrix)
            power = float(np.square(moved * covered).sum())
            gain = float((moved * theirs * covered).sum()) / power if power > 0 else 0.0
            if gain == 0:
                return matrix
            error = ((theirs - gain * moved) * covered).ravel()
            weights = [weight * covered * gain for weight in (x, y, np.ones_like(x))]
            mapped = [_mapped(slope, matrix)[0] for slope in slopes]
            jacobian = np.stack([(one * weight).ravel() for one in mapped for weight in weights])
            normal = (jacobian @ jacobian.T).astype(np.float64)
            normal += 1e-3 * np.diag(np.diagonal(normal)) + 1e-9 * np.eye(6)
            step = np.linalg.solve(normal, (jacobian @ error).astype(np.float64))
            matrix = matrix + step.reshape(2, 3)
    return matrix


def _mapped(source: Volume | Thumbnails, matrix: Map) -> tuple[np.ndarray, Plane]:
    """A clip as the map shows it, and which pixels it covers."""
    size = source.shape[2], source.shape[1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    frames = np.stack([cv2.warpAffine(frame, matrix, size, flags=flags) for frame in source])
    whole = np.ones(source.shape[1:3], np.float32)
    nearest = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return frames, cv2.warpAffine(whole, matrix, size, flags=nearest)


def _scaled(matrix: Map, scale: float) -> Map:
    """The same map between pictures of another size; pixels are squares with whole centres."""
    linear, centre = matrix[:, :2], np.full(2, (scale - 1) / 2)
    return np.column_stack([linear, scale * matrix[:, 2] + centre - linear @ centre])


def _resized(volume: Volume, scale: float) -> Small:
    rows, columns = (max(2, round(side * scale)) for side in volume.shape[1:])
    return np.stack(
        [cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA) for frame in volume]
    )
