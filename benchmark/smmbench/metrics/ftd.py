"""Frechet trajectory distance: how far does each point stray from the path of its source?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

WORST = 2**0.5  # corner to corner of a unit square


def ftd(
    source: Float[np.ndarray, "n time 2"],
    output: Float[np.ndarray, "m time_output 2"],
    width: int,
    height: int,
) -> float:
    """Square root of the mean squared discrete Frechet distance of same-index tracks.

    As RoPECraft (2025, arXiv 2505.13344) has it: x is divided by the width and y by the height.
    Its script follows random points of a mask and moves unseen ones; here every track counts
    where the tracker has it.

    Args:
        source: Positions (x, y) in pixels.
        output: Positions of the same points; the number of frames may differ.
        width: Of the frames, in pixels.
        height: The same.

    Returns:
        From 0; above sqrt(2) only if tracks leave the frame.

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

    The least leash with which both are walked from end to end, by turns or together, never back
    (Eiter and Mannila, 1994). In the unit of the positions.
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
