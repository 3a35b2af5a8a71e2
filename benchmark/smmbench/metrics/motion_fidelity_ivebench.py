"""What IVEBench calls motion fidelity: another quantity, of places as much as of motion.

Re-implemented from the description of `metrics/fidelity/motion_fidelity.py` at d4a4bd7 of
https://github.com/RyanChenYN/IVEBench (as mirrored by James221-a3rt/IVEBench); none of its code
is here. The script takes 10 x 10 points by CoTracker 3.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64

from smmbench.metrics.legacy import LegacyMotionFidelity, Masks
from smmbench.metrics.measure import Task
from smmbench.tracking import Tracks

POSITION, VELOCITY = 0.7, 0.3  # what places and steps weigh
LEAST = 0.3  # a matched pair that is less similar is left out of the mean
SHORTEST = 5  # frames: a clip of fewer has no track that counts


def ivebench(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    source_visible: Bool[np.ndarray, "n source_time"],
    output_visible: Bool[np.ndarray, "m output_time"],
) -> float:
    """Motion fidelity as described in IVEBench's script, 0 to 1.

    The positions in which a track is visible are stretched evenly over the frames of the shorter
    clip, so that a gap is closed and moves what comes after it; a track seen fewer than two times
    is left out. Tracks are matched one to one for the largest sum of similarities, and the mean is
    over pairs above .3; so a pair that is lost raises the mean. 0 if no pair is left.

    Args:
        source: Positions (x, y) in pixels.
        output: The same; n and m, and the lengths, may differ.
        source_visible: Where the tracker trusts itself.
        output_visible: The same for the output.
    """
    frames = min(source.shape[1], output.shape[1])
    ours = _stretched(source, source_visible, frames)
    theirs = _stretched(output, output_visible, frames)
    if frames < SHORTEST or not len(ours) or not len(theirs):
        return 0.0
    from scipy.optimize import linear_sum_assignment  # only here: SciPy takes long to load

    similarity = _similarities(ours, theirs)
    matched = similarity[linear_sum_assignment(similarity, maximize=True)]
    counted = matched[matched > LEAST]
    return float(counted.mean()) if counted.size else 0.0


class IVEBenchMotionFidelity(LegacyMotionFidelity):
    """What IVEBench's script gives for these tracks."""

    name = "motion_fidelity_ivebench"
    version = 1
    title = "Motion fidelity by IVEBench's script"
    description = (
        "What IVEBench's script gives for these tracks, none where it gives NaN; for reading "
        "published numbers."
    )
    minimum, worst = 0.0, 0.0
    source = "the public script of IVEBench"
    order = 150
    masked = False

    def script(self, source: Tracks, output: Tracks, task: Task, masks: Masks | None) -> float:
        """Without a mask, over visible positions."""
        return ivebench(source.points, output.points, source.visible, output.visible)


def _stretched(
    points: Float[np.ndarray, "n time 2"], visible: Bool[np.ndarray, "n time"], frames: int
) -> Float64[np.ndarray, "kept frames 2"]:
    """Visible positions of each track, evenly over so many frames, linear between them."""
    at = np.linspace(0, 1, frames)
    tracks = [
        np.stack([np.interp(at, np.linspace(0, 1, len(seen)), seen[:, c]) for c in (0, 1)], axis=-1)
        for seen in (track[shown] for track, shown in zip(points, visible, strict=True))
        if len(seen) >= 2
    ]
    return np.array(tracks, dtype=np.float64).reshape(-1, frames, 2)


def _similarities(
    tracks: Float64[np.ndarray, "n frames 2"], others: Float64[np.ndarray, "m frames 2"]
) -> Float64[np.ndarray, "n m"]:
    """Of each track with each other one: places and steps, over the size of both tracks."""
    # Frames come before tracks, so that memory is read in order; this takes an eighth of the time.
    places = np.ascontiguousarray(others.transpose(2, 1, 0))
    steps = np.diff(places, axis=1)
    spans = _span(others)
    similarity = np.empty((len(tracks), len(others)))
    for row, track in enumerate(tracks):
        size = (_span(track[None]) + spans) / 2
        size = np.where(size < 1e-6, 1.0, size)
        alike = POSITION / (1 + _distance(places, track.T) / size)
        moved = VELOCITY / (1 + _distance(steps, np.diff(track.T)) / size)
        alike[0] += moved[0]  # the first counts twice
        alike[1:] += moved
        similarity[row] = np.ascontiguousarray(alike.T).mean(axis=1)
    return similarity


def _distance(
    others: Float64[np.ndarray, "2 time m"], track: Float64[np.ndarray, "2 time"]
) -> Float64[np.ndarray, "time m"]:
    x, y = others - track[:, :, None]
    return np.sqrt(x * x + y * y)


def _span(tracks: Float64[np.ndarray, "m frames 2"]) -> Float64[np.ndarray, " m"]:
    """Diagonal of the box around each track, in pixels."""
    return np.linalg.norm(np.ptp(tracks, axis=1), axis=-1)
