"""Candidates for how a source was moved: the best cross-correlations of changes over time.

Fourier transforms give the correlations at all shifts and delays at once, for every mirroring, both
directions of time and a few sizes. The source's transforms, the larger half, do not depend on the
output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Complex, Float, Float32

COARSE = 0.25
"""Size of the pictures in which shifts and delays are searched, relative to thumbnails."""
SIZES = (1.0, 0.8, 0.64, 0.5, 0.4, 0.32, 1.25, 1.56)
"""Sizes of the moved source that are tried, relative to its own."""
LONGEST_DELAY = 0.5
"""Maximum delay of the source as a share of the clip; smaller overlaps are not examined."""
REFINED = 4
"""Candidates for which the map is fitted; the best one counts."""

Volume = Float32[np.ndarray, "time rows columns"]
Small = Float32[np.ndarray, "time small_rows small_columns"]
Spectrum = Complex[np.ndarray, "padded_time padded_rows half_columns"]
Map = Float[np.ndarray, "2 3"]
ByDelay = Float[np.ndarray, " delays"]


@dataclass(frozen=True)
class Motion:
    """How a source is moved: mirrored and reversed in time, then delayed and mapped.

    Attributes:
        mirrored: Reversed axes: 0 for time, 1 for rows, 2 for columns.
        delay: Frames by which the output is later.
        map: From a pixel (x, y, 1) of the output's thumbnail to one of the source's.
        agreement: Correlation of the two changes over time, 0 to 1.
    """

    mirrored: tuple[int, ...]
    delay: int
    map: Map
    agreement: float


@dataclass(frozen=True)
class Shown:
    """A source's change over time, mirrored and resized, for the comparison with outputs.

    Attributes:
        size: Size relative to the source.
        mirrored: As in `Motion`.
        spectrum: Spectrum of its coarse pictures, padded to twice the output's sides.
        energies: Its energy in the frames that it shares with an output, for each delay.
    """

    size: float
    mirrored: tuple[int, ...]
    spectrum: Spectrum
    energies: ByDelay


def shown_sources(change: Volume) -> Iterator[Shown]:
    """All variants in which a source may be shown, apart from shifts and delays.

    Args:
        change: Brightness of its thumbnails minus each pixel's mean over time.
    """
    padded = _padded(resized(change, COARSE))
    delays = _delays(len(change))
    for size in SIZES:
        small = resized(change, COARSE * size)
        for mirrored in _mirrorings():
            turned = np.flip(small, mirrored) if mirrored else small
            spectrum = np.fft.rfftn(turned, padded, (0, 1, 2))
            yield Shown(size, mirrored, spectrum, _energies(turned, -delays))


def best_candidates(sources: Iterable[Shown], output: Volume) -> list[Motion]:
    """The best motions, most likely first: one shift for each size, mirroring and delay.

    Args:
        sources: The result of `shown_sources`.
        output: The change of the output, in the same form as that of the source.
    """
    small = resized(output, COARSE)
    frames, rows, columns = small.shape
    padded, delays = _padded(small), _delays(frames)
    wanted = np.conj(np.fft.rfftn(small, padded, (0, 1, 2)))
    energies = _energies(small, delays)
    forms, places, agreements = [], [], []
    for source in sources:
        planes = _correlations(source.spectrum * wanted, padded, delays)
        at = planes.argmax(axis=1)
        highest = np.take_along_axis(planes, at[:, None], axis=1)[:, 0].astype(np.float64)
        power = energies * source.energies
        some = power > 0
        forms.append((source.size, source.mirrored))
        places.append(at)
        agreements.append(np.where(some, highest / np.sqrt(np.where(some, power, 1.0)), 0.0))
    flat = np.concatenate(agreements)
    found = []
    for index in np.argsort(-flat, kind="stable")[:REFINED]:
        form, at_delay = divmod(int(index), len(delays))
        size, mirrored = forms[form]
        down, right = divmod(int(places[form][at_delay]), padded[2])
        shift = [
            (at - (2 * side if at >= side else 0)) / size
            for at, side in ((right, columns), (down, rows))
        ]
        coarse = np.array([[1 / size, 0, shift[0]], [0, 1 / size, shift[1]]])
        motion = scaled(coarse, 1 / COARSE)
        found.append(Motion(mirrored, int(delays[at_delay]), motion, float(flat[index])))
    return found


def scaled(matrix: Map, scale: float) -> Map:
    """The same map between pictures of another size; pixels are squares with integer centres."""
    linear, centre = matrix[:, :2], np.full(2, (scale - 1) / 2)
    return np.column_stack([linear, scale * matrix[:, 2] + centre - linear @ centre])


def _correlations(
    product: Spectrum, padded: tuple[int, int, int], delays: np.ndarray
) -> Float[np.ndarray, "delays shifts"]:
    """Absolute correlation at all shifts; the spatial transform is done for valid delays only."""
    by_delay = np.fft.ifft(product, padded[0], 0)[-delays]
    planes = np.fft.irfft(np.fft.ifft(by_delay, padded[1], 1), padded[2], 2)
    return np.abs(planes, out=planes).reshape(len(delays), -1)


def _padded(small: Small) -> tuple[int, int, int]:
    frames, rows, columns = small.shape
    return 2 * frames, 2 * rows, 2 * columns


def _delays(frames: int) -> np.ndarray:
    longest = int(LONGEST_DELAY * frames)
    return np.arange(-longest, longest + 1)


def _energies(volume: Volume, delays: np.ndarray) -> ByDelay:
    """Energy of the overlapping frames for each delay of one clip relative to the other."""
    frames = len(volume)
    energy = np.square(volume, dtype=np.float64).sum(axis=(1, 2))
    return np.array([energy[max(0, d) : frames + min(0, d)].sum() for d in delays])


def _mirrorings() -> Iterator[tuple[int, ...]]:
    for time in ((), (0,)):
        for place in ((), (1,), (2,), (1, 2)):
            yield (*time, *place)


def resized(volume: Volume, scale: float) -> Small:
    """Pictures of another size, by means over areas."""
    rows, columns = (max(2, round(side * scale)) for side in volume.shape[1:])
    return np.stack(
        [cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA) for frame in volume]
    )
