"""The Pareto front: text and motion trade off, so no single number ranks the methods."""

from __future__ import annotations

from collections.abc import Mapping


def pareto_front(points: Mapping[str, tuple[float, float]]) -> frozenset[str]:
    """Names of the points that no other point beats.

    A point beats another if it is at least as high on both axes and higher on one. So equal
    points stand or fall together, and a front is never empty unless there are no points.
    """
    return frozenset(
        name
        for name, point in points.items()
        if not any(_beats(other, point) for other in points.values())
    )


def _beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a != b
