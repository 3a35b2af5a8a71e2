"""The chance level of motion fidelity: its value for tracks in random directions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float64

_TERMS = 4096  # of the series; one step needs many, five or more steps a few dozen
_POINTS = 20_001  # of the grid that the mean is integrated over


def chance_floor(source_points: int, output_points: int, steps: int) -> float:
    """Expected motion fidelity of tracks whose every step goes in a random direction.

    The best of many random matches is not 0: the chance level rises with the number of tracks and
    falls with the number of steps, so numbers from other grids or lengths are not comparable.
    Smooth tracks that are unrelated are another case, because their steps are alike, as if there
    were fewer; the wrong-source score, of outputs against the sources of other clips, measures it.
    The result is exact; no random numbers are used.

    Args:
        source_points: Moving tracks in the source.
        output_points: Moving tracks in the output.
        steps: Number of frames minus one.

    Returns:
        A value from 0 to 1; 0 if nothing moves in one of the clips, as for motion fidelity.

    Raises:
        ValueError: There is no step.
    """
    if steps < 1:
        raise ValueError(f"A chance level needs at least one step, got {steps}.")
    if not (source_points and output_points):
        return 0.0
    best = (expected_best(points, steps) for points in (source_points, output_points))
    return sum(best) / 2


@lru_cache(maxsize=4096)
def expected_best(points: int, steps: int) -> float:
    """Expected largest of `points` independent mean cosines over `steps` random directions.

    The mean of a maximum is 1 less the integral of F^points over -1..1, where F is the
    distribution function of one mean cosine.
    """
    from scipy.integrate import trapezoid  # only here: SciPy takes long to load

    at = np.linspace(-1.0, 1.0, _POINTS)
    below = np.clip(_distribution(steps), 0.0, 1.0) ** points
    return float(1.0 - trapezoid(below, at))


@lru_cache(maxsize=64)
def _distribution(steps: int) -> Float64[np.ndarray, " points"]:
    """Chance that a mean cosine over `steps` random directions is at most x, for x in -1..1.

    The cosine of a uniform angle has the Bessel function J0 for its characteristic function, so a
    sum of them has its power. The sum lies in -steps..steps, which makes the density a Fourier
    series on that interval; here it is integrated.
    """
    at = np.linspace(-1.0, 1.0, _POINTS)
    if steps == 1:
        return 1.0 - np.arccos(at) / np.pi  # the series converges slowly here
    from scipy.special import j0  # only here, as above

    frequency = np.pi * np.arange(1, _TERMS + 1) / steps
    weight = j0(frequency) ** steps / (frequency * steps)
    kept = np.abs(weight) > 1e-17
    total = np.zeros(_POINTS)
    for f, w in zip(frequency[kept] * steps, weight[kept], strict=True):
        total += w * np.sin(f * at)
    return (at + 1.0) / 2.0 + total
