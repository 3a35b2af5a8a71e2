"""What motion fidelity gives when there is nothing to find."""

from __future__ import annotations

import numpy as np

from smmbench.metrics.motion_fidelity import motion_fidelity


def chance_floor(points: int, steps: int, seed: int = 0) -> float:
    """Motion fidelity of tracks whose every step goes in a random direction, by one draw.

    The best of many random matches is not 0: the floor rises with the number of tracks and falls
    with the number of steps, so numbers of other grids or lengths do not compare. Smooth tracks
    have a higher floor still: their steps are alike, which is as if there were fewer.

    Args:
        points: Moving tracks in source and output.
        steps: Frames less one.
        seed: Of the draw; the mean over many points varies little.
    """
    rng = np.random.default_rng(seed)
    source, output = (_random_tracks(rng, points, steps) for _ in range(2))
    return motion_fidelity(source, output, still_threshold=0.0).mean


def _random_tracks(rng: np.random.Generator, points: int, steps: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, (points, steps))
    path = np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=-1), axis=1)
    return np.concatenate([np.zeros((points, 1, 2)), path], axis=1)
