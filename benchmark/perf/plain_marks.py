"""The marks exactly as defined: one frame and one candidate at a time, without caching.

The faster implementation in `smmbench.marks` is compared with this one, by the plain loop of
`scoring.py` and by a test. The parameters are those of `smmbench.marks`.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import Float, Float32

from smmbench.marks import Glance
from smmbench.marks.candidates import COARSE, LONGEST_DELAY, REFINED, SIZES, Map, Motion, Volume
from smmbench.marks.filters import DERIVATIVES, DERIVED, RIDGE, SCALES
from smmbench.marks.fitting import BLURS, STEPS
from smmbench.marks.moved_source import FINE, LEAST_SEEN
from smmbench.marks.moving_structure import moving_structure
from smmbench.marks.thumbnails import Frames, Thumbnails, luma, thumbnails

Clip = Frames | Glance
Frame = Float32[np.ndarray, "rows columns 3"]
Plane = Float32[np.ndarray, "rows columns"]


def plain_moving_structure(source: Clip, output: Clip) -> float:
    """`smmbench.marks.moving_structure` for clips that are read for this rule alone."""
    return moving_structure(_frames(source), _frames(output))


def plain_source_share(source: Clip, output: Clip) -> float:
    """`smmbench.marks.source_share`."""
    return explained(*(less(thumbnails(_frames(clip)), axis=(0,)) for clip in (source, output)))


def plain_moved_source(source: Clip, output: Clip) -> float:
    """`smmbench.marks.moved_source`."""
    ours, theirs = thumbnails(_frames(source)), thumbnails(_frames(output))
    changes = [luma(less(clip, axis=(0,))) for clip in (ours, theirs)]
    if not all(change.any() for change in changes):
        return 0.0
    found = sorted(candidates(*changes), key=lambda motion: -motion.agreement)[:REFINED]
    return max(share_under(ours, theirs, motion) for motion in found)


PLAIN = {
    "moving_structure": plain_moving_structure,
    "source_share": plain_source_share,
    "moved_source": plain_moved_source,
}
"""The plain definition of each rule, by its name."""


def less(frames: Thumbnails, axis: tuple[int, ...]) -> Thumbnails:
    """The deviation of frames from their mean over some axes."""
    mean = frames.mean(axis=axis, keepdims=True, dtype=np.float64)
    return (frames - mean).astype(np.float32)


def explained(source: Thumbnails, target: Thumbnails) -> float:
    """Fraction of the target's energy that the best filters of a source explain, 0 to 1."""
    energy = float(np.square(target, dtype=np.float64).sum())
    count = 3 * (len(SCALES) + len(DERIVED) * len(DERIVATIVES))
    gram, cross = np.zeros((count, count)), np.zeros((count, 3))
    for frame, wanted in zip(source, target, strict=True):
        regressors = np.concatenate(list(_regressors(frame)), axis=-1).reshape(-1, count)
        gram += regressors.T @ regressors
        cross += regressors.T @ wanted.reshape(-1, 3)
    size = np.sqrt(np.diagonal(gram))
    if energy == 0 or not size.any():
        return 0.0
    size = np.where(size > 0, size, 1.0)
    gram, cross = gram / np.outer(size, size), cross / size[:, None]
    filters = np.linalg.solve(gram + RIDGE * np.eye(len(gram)), cross)
    given = 2 * (cross * filters).sum() - (filters * (gram @ filters)).sum()
    return float(np.clip(given / energy, 0.0, 1.0))


def candidates(source: Volume, output: Volume) -> Iterator[Motion]:
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
            spectrum = np.fft.rfftn(turned, padded, axes)
            correlation = np.abs(np.fft.irfftn(spectrum * wanted, padded, axes))
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


def share_under(source: Thumbnails, output: Thumbnails, motion: Motion) -> float:
    """Fraction of the output's change that filters of the moved source explain, map fitted."""
    turned = np.flip(source, motion.mirrored) if motion.mirrored else source
    first, last = max(0, motion.delay), len(output) + min(0, motion.delay)
    ours, theirs = turned[first - motion.delay : last - motion.delay], output[first:last]
    small = [_resized(luma(less(clip, axis=(0,))), FINE) for clip in (ours, theirs)]
    matrix = _scaled(fitted(small[0], small[1], _scaled(motion.map, FINE)), 1 / FINE)
    moved, covered = _mapped(less(ours, (0,)), matrix)
    change = less(theirs, (0,))
    inside = change * covered[None, :, :, None]
    whole, seen = (float(np.square(one, dtype=np.float64).sum()) for one in (change, inside))
    if covered.mean() < LEAST_SEEN or seen == 0:
        return 0.0
    return explained(moved, inside) * seen / whole


def fitted(source: Volume, output: Volume, matrix: Map) -> Map:
    """Fit an affine map and a gain, by the Gauss-Newton method on the squared difference."""
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


def _frames(clip: Clip) -> Frames:
    return clip.frames if isinstance(clip, Glance) else clip


def _regressors(frame: Frame) -> Iterator[Frame]:
    for scale in SCALES:
        smooth = cv2.GaussianBlur(frame, (0, 0), scale) if scale else frame
        yield smooth
        if scale in DERIVED:
            for along_x, along_y in DERIVATIVES:
                yield cv2.Sobel(smooth, cv2.CV_32F, along_x, along_y, ksize=3)


def _energies(volume: Volume) -> Float[np.ndarray, " time"]:
    return np.square(volume, dtype=np.float64).sum(axis=(1, 2))


def _mirrorings() -> Iterator[tuple[int, ...]]:
    for time in ((), (0,)):
        for place in ((), (1,), (2,), (1, 2)):
            yield (*time, *place)


def _mapped(source: Volume | Thumbnails, matrix: Map) -> tuple[np.ndarray, Plane]:
    """A clip under the map, and the pixels that it covers."""
    size = source.shape[2], source.shape[1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    frames = np.stack([cv2.warpAffine(frame, matrix, size, flags=flags) for frame in source])
    whole = np.ones(source.shape[1:3], np.float32)
    nearest = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return frames, cv2.warpAffine(whole, matrix, size, flags=nearest)


def _scaled(matrix: Map, scale: float) -> Map:
    linear, centre = matrix[:, :2], np.full(2, (scale - 1) / 2)
    return np.column_stack([linear, scale * matrix[:, 2] + centre - linear @ centre])


def _resized(volume: Volume, scale: float) -> Volume:
    rows, columns = (max(2, round(side * scale)) for side in volume.shape[1:])
    return np.stack(
        [cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA) for frame in volume]
    )
