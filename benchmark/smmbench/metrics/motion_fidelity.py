"""Motion fidelity: is every motion of the output found in the source, and the reverse?

The formula of Yatim et al. (CVPR 2024), for tracks T of the source and T~ of the output, unaligned:

    MF = 1/m sum_{t~} max_t corr(t, t~) + 1/n sum_t max_{t~} corr(t, t~)
    corr(t, t~) = 1/K sum_k <v_k, v~_k> / (|v_k| |v~_k|)         v_k: step k of a track, K steps

The formula leaves open what a step without motion counts. Trackers jitter on still ground, and
under a still camera most points stand still, so only tracks that move count, on either side.
`Conventions` says which those are and what their steps count. An output where nothing moves scores
0; a source where nothing moves cannot be scored.

`still_threshold=0` is the formula to the letter, whatever the conventions: every track and every
step counts, seen or not, and a step of length zero, where the formula divides 0 by 0, counts 0. So
a clip with such steps scores less than 1 with itself; above 0, however small, it scores 1.

The number sees directions only: it is blind to speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from smmbench.metrics.best_match import best_matches, rows_of
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.moving import Steps, steps_of

_DEFAULT = Conventions()


@dataclass(frozen=True)
class Counts:
    """Tracks of one video that a mask let through.

    Attributes:
        moving: Those that count.
        still: Those that do not move; moving + still + dropped is the number of tracks.
        invisible: Not visible in at least one frame, whether they count or not; 0 if visibility
            was not given.
        dropped: Seen in too few steps to say whether they move; 0 unless visibility is used.
    """

    moving: int
    still: int
    invisible: int
    dropped: int = 0


@dataclass(frozen=True)
class MotionFidelity:
    """The number in both directions, with what it was made of.

    Attributes:
        output_to_source: Mean over the output's tracks of the best match in the source, -1 to 1
            ("precision": was this motion in the source?).
        source_to_output: Mean over the source's tracks of the best match in the output, -1 to 1
            ("recall": did this motion survive?). Only this one notices motion that was lost.
        source: Counts of the source's tracks.
        output: Counts of the output's tracks.
    """

    output_to_source: float
    source_to_output: float
    source: Counts
    output: Counts

    @property
    def mean(self) -> float:
        """Mean of both directions, -1 to 1: the headline."""
        return self.sum / 2

    @property
    def sum(self) -> float:
        """Sum of both directions, -2 to 2: the published formula."""
        return self.output_to_source + self.source_to_output


def motion_fidelity(
    source: Float[np.ndarray, "n source_time 2"],
    output: Float[np.ndarray, "m output_time 2"],
    *,
    source_visible: Bool[np.ndarray, "n source_time"] | None = None,
    output_visible: Bool[np.ndarray, "m output_time"] | None = None,
    source_mask: Bool[np.ndarray, " n"] | None = None,
    output_mask: Bool[np.ndarray, " m"] | None = None,
    still_threshold: float = 0.5,
    conventions: Conventions = _DEFAULT,
) -> MotionFidelity:
    """Compare the motion of two clips of the same length.

    Args:
        source: Positions (x, y) in pixels of a canvas that both clips share.
        output: The same for the output; n and m may differ.
        source_visible: Where the tracker trusts itself; None: everywhere.
        output_visible: The same for the output.
        source_mask: Which tracks to compare, for example those on the foreground; None: all.
        output_mask: The same for the output.
        still_threshold: Pixels a step up to which a step is no motion; 0: the formula to the
            letter.
        conventions: What the formula leaves open.

    Raises:
        ValueError: Lengths differ, there is no step, a position is not finite, visibility or a
            mask is not of the tracks' shape, the threshold is negative, or nothing in the source
            moves.
    """
    _check(source, output, still_threshold)
    _check_flags("source", source, source_visible, source_mask)
    _check_flags("output", output, output_visible, output_mask)
    ours, source_counts = _steps(source, source_visible, source_mask, still_threshold, conventions)
    theirs, output_counts = _steps(
        output, output_visible, output_mask, still_threshold, conventions
    )
    if source_counts.moving == 0:
        raise ValueError(
            f"Nothing in the source moves more than {still_threshold} pixels a step "
            f"({source_counts.still} tracks): it is unfit for measuring motion."
        )
    if output_counts.moving == 0:
        return MotionFidelity(0.0, 0.0, source_counts, output_counts)
    best_source, best_output = best_matches(
        rows_of(ours, still_threshold, conventions), rows_of(theirs, still_threshold, conventions)
    )
    return MotionFidelity(
        output_to_source=_mean(best_output),
        source_to_output=_mean(best_source),
        source=source_counts,
        output=output_counts,
    )


def _check(source: np.ndarray, output: np.ndarray, still_threshold: float) -> None:
    if source.shape[1] != output.shape[1]:
        raise ValueError(
            f"The source has {source.shape[1]} frames and the output {output.shape[1]}: "
            "bring both to one normal form first."
        )
    if source.shape[1] < 2:
        raise ValueError("Motion needs at least two frames, got one.")
    if not (np.isfinite(source).all() and np.isfinite(output).all()):
        raise ValueError("Tracks hold positions that are not finite.")
    if not 0 <= still_threshold < math.inf:
        raise ValueError(f"The still threshold is in pixels, 0 or more, got {still_threshold}.")


def _check_flags(
    side: str, points: np.ndarray, visible: np.ndarray | None, mask: np.ndarray | None
) -> None:
    for name, flags, shape in (
        ("visible", visible, points.shape[:2]),
        ("mask", mask, points.shape[:1]),
    ):
        if flags is not None and (flags.shape != shape or flags.dtype != bool):
            raise ValueError(
                f"{side}_{name} must be bool of shape {shape}, got {flags.dtype} of shape "
                f"{flags.shape}."
            )


def _steps(
    points: Float[np.ndarray, "n time 2"],
    visible: Bool[np.ndarray, "n time"] | None,
    mask: Bool[np.ndarray, " n"] | None,
    still_threshold: float,
    conventions: Conventions,
) -> tuple[Steps, Counts]:
    if mask is not None:
        points, visible = points[mask], None if visible is None else visible[mask]
    steps = steps_of(points, visible, still_threshold, conventions)
    counts = Counts(
        moving=int(steps.moving.sum()),
        still=int((~steps.moving & ~steps.dropped).sum()),
        invisible=0 if visible is None else int((~visible).any(axis=1).sum()),
        dropped=int(steps.dropped.sum()),
    )
    return steps, counts


def _mean(best: Float64[np.ndarray, " n"]) -> float:
    """Mean correlation; rounding may not take it out of its range."""
    return float(np.clip(best.mean(), -1.0, 1.0))
