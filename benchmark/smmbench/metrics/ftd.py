"""Frechet trajectory distance: how far does each point stray from the path of its source?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources

WORST = 2**0.5  # corner to corner of a unit square


def ftd(
    source: Float[np.ndarray, "n time 2"],
    output: Float[np.ndarray, "m time_output 2"],
    width: int,
    height: int,
) -> float:
    """Square root of the mean squared discrete Frechet distance of same-index tracks.

    As in RoPECraft (2025, arXiv 2505.13344), x is divided by the width and y by the height. Its
    script tracks random points of a mask and moves invisible ones; here every track counts as the
    tracker returns it.

    Args:
        source: Positions (x, y) in pixels.
        output: Positions of the same points; the number of frames may differ.
        width: Width of the frames, in pixels.
        height: Height of the frames, in pixels.

    Returns:
        A value of 0 or more; above sqrt(2) only if tracks leave the frame.

    Raises:
        ValueError: There is no track, or no frame, or there are unequal numbers of tracks.
    """
    if len(source) != len(output):
        raise ValueError(
            f"FTD compares tracks of the same index, got {len(source)} and {len(output)} tracks."
        )
    if 0 in (len(source), source.shape[1], output.shape[1]):
        raise ValueError("FTD needs at least one track of one frame.")
    canvas = np.array([width, height], dtype=np.float64)
    return float(np.sqrt(np.square(frechet_distances(source / canvas, output / canvas)).mean()))


def frechet_distances(
    a: Float[np.ndarray, "n time_a 2"], b: Float[np.ndarray, "n time_b 2"]
) -> Float[np.ndarray, " n"]:
    """Discrete Frechet distance of each track in `a` to the track of the same index in `b`.

    The distance is the shortest leash with which both can be walked from end to end, in turn or
    together, never backwards (Eiter and Mannila, 1994), in the unit of the positions.
    """
    reach = np.empty((a.shape[1], b.shape[1], len(a)))
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            leash = np.linalg.norm(a[:, i] - b[:, j], axis=-1)
            before = [reach[i - s, j - t] for s, t in ((1, 0), (0, 1), (1, 1)) if i >= s and j >= t]
            shortest = np.minimum.reduce(before) if before else leash
            reach[i, j] = np.maximum(leash, shortest)
    last: Float[np.ndarray, " n"] = reach[-1, -1]
    return last


class FTD(Metric):
    """Compares each track of an output with the source's track from the same point."""

    name = "ftd"
    version = 1
    title = "Frechet trajectory distance"
    description = (
        "Root mean square of the discrete Frechet distance between tracks that begin at the same "
        "point; the frame is a unit square."
    )
    higher_is_better = False
    minimum, maximum, worst = 0.0, WORST, WORST
    unit = "frames"
    needs = ("tracks",)
    source = "RoPECraft, arXiv 2505.13344; discrete Frechet distance by Eiter and Mannila, 1994"
    extra = True
    order = 60

    def __init__(self, resources: Resources) -> None:
        self._tracks = resources.tracks

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and tracker."""
        return self._tracks.origin(task.clip)

    def measure(self, task: Task) -> Measured:
        """The distance, clipped at that between two opposite corners of the frame."""
        source, output = self._tracks.of_source(task.clip), self._tracks.of_output(task)
        starts = source.points[:, 0], output.points[:, 0]
        if starts[0].shape != starts[1].shape or not np.allclose(*starts):
            raise ValueError(
                "FTD needs tracks of both clips that begin at the same points; with "
                "`--source-tracks known` they do not."
            )
        height, width = task.output.frames.shape[1:3]
        value = min(ftd(source.points, output.points, width, height), WORST)
        return Measured(value)
