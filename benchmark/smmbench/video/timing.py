"""The display times and the frame rate of a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np


def frame_times(
    times: Sequence[int | None], tick: Fraction, stated: Iterable[Fraction | None]
) -> tuple[Fraction | None, tuple[float, ...]]:
    """Frame rate of a clip and, if its frames are not evenly spaced, the instant of each.

    A container states several rates and some are wrong: the mean over a clip whose last frame is
    held longer, the field rate of an interlaced one. The first rate that agrees with the times to
    within a tick is used; it is exact even if the times are rounded (Matroska: to milliseconds).

    Args:
        times: Display time of each frame, in ticks, in order; None if the file does not state it.
        tick: Length of a tick in seconds.
        stated: Rates that the container states, in frames per second, best first.

    Returns:
        The rate in frames per second (the mean for a clip whose frames are not evenly spaced; None
        if it is unknown), and the instants in seconds from the first frame, or none.
    """
    rates = [rate for rate in stated if rate]
    known = [time for time in times if time is not None]
    if len(known) < 2 or len(known) < len(times) or known[-1] <= known[0]:
        return (rates[0] if rates else None), ()
    span = (known[-1] - known[0]) * tick
    mean = Fraction(len(known) - 1) / span
    steps = [later - earlier for earlier, later in pairwise(known)]
    if max(steps) - min(steps) > max(2, 0.1 * float(1 / (mean * tick))):
        if min(steps) <= 0:  # two frames at the same time: only the file has an order
            return mean, ()
        return mean, tuple(float((time - known[0]) * tick) for time in known)
    for rate in rates:
        if abs((len(known) - 1) / rate - span) <= 1.5 * tick:
            return rate, ()
    return mean, ()


def uneven(instants: tuple[float, ...]) -> str:
    """A note for a clip whose frames are not evenly spaced."""
    steps = np.diff(instants)
    return (
        f"variable frame rate ({1 / steps.max():.3g} to {1 / steps.min():.3g} a second): every "
        f"frame kept with its time, {len(steps) / instants[-1]:.4g} a second in the mean"
    )
