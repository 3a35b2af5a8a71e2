"""The frame rate of a file, from when its frames are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise


def frame_rate(
    times: Sequence[int | None], tick: Fraction, stated: Iterable[Fraction | None]
) -> tuple[Fraction | None, str]:
    """Rate of a clip and, where its frames are not evenly spaced, a note that says so.

    A container states several rates and some are wrong: the mean over a clip whose last frame is
    held longer, the field rate of an interlaced one. The first one that agrees with the times to
    a tick is taken; it is exact where the times are rounded (Matroska rounds to milliseconds).

    Args:
        times: When each frame is shown, in ticks, in order; None where the file does not say.
        tick: Seconds.
        stated: Rates that the container states, in frames a second, best first.

    Returns:
        The rate in frames a second, None if nothing tells it, and a note or an empty string.
    """
    rates = [rate for rate in stated if rate]
    known = [time for time in times if time is not None]
    if len(known) < 2 or len(known) < len(times) or known[-1] <= known[0]:
        return (rates[0] if rates else None), ""
    span = (known[-1] - known[0]) * tick
    mean = Fraction(len(known) - 1) / span
    steps = [later - earlier for earlier, later in pairwise(known)]
    if max(steps) - min(steps) > max(2, 0.1 * float(1 / (mean * tick))):
        low, high = float(1 / (max(steps) * tick)), float(1 / (max(min(steps), 1) * tick))
        return mean, (
            f"variable frame rate ({low:.3g} to {high:.3g} a second): "
            f"every frame kept, at their mean of {float(mean):.4g}"
        )
    for rate in rates:
        if abs((len(known) - 1) / rate - span) <= 1.5 * tick:
            return rate, ""
    return mean, ""
