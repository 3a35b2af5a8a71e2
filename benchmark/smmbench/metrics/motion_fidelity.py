"""Motion fidelity: is every motion of the output found in the source, and vice versa?

The formula of Yatim et al. (CVPR 2024), for tracks T of the source and T~ of the output, unaligned:

    MF = 1/m sum_{t~} max_t corr(t, t~) + 1/n sum_t max_{t~} corr(t, t~)
    corr(t, t~) = 1/K sum_k <v_k, v~_k> / (|v_k| |v~_k|)         v_k: step k of a track, K steps

The formula does not define the value of a step without motion. Trackers jitter on a still
background, and under a static camera most points are still, so only moving tracks count, on either
side. `Conventions` defines which tracks move and how their steps count. An output in which nothing
moves scores 0; a source in which nothing moves cannot be scored.

`still_threshold=0` applies the formula literally, regardless of the conventions: every track and
every step counts, visible or not, and a step of length zero, where the formula divides 0 by 0,
counts 0. A clip with such steps therefore scores less than 1 with itself; with any threshold above
0 it scores 1.

The metric compares directions only: it ignores speed.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64

from smmbench.dataset import Clip, clip_form, true_masks
from smmbench.metrics.best_match import best_matches, rows_of
from smmbench.metrics.chance import chance_floor
from smmbench.metrics.companions import direction_cosine, moving_share, speed_ratio
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.definition import Metric
from smmbench.metrics.foreground import begins_on, moves_otherwise
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.moving import Steps, check_flags, check_tracks, steps_of
from smmbench.metrics.resources import Resources
from smmbench.results.scored_tracks import ScoredTracks
from smmbench.tracking import Tracks

OTHERS = 3  # sources of other clips that an output is paired with, for the wrong-source score

Masks = tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " m"]]

_DEFAULT = Conventions()


@dataclass(frozen=True)
class Counts:
    """Counts of the tracks of one video that a mask selected.

    Attributes:
        moving: Tracks that count.
        still: Tracks that do not move; moving + still + dropped is the number of tracks.
        invisible: Tracks that are invisible in at least one frame, whether they count or not; 0 if
            visibility was not given.
        dropped: Tracks visible in too few steps to decide whether they move; 0 unless visibility is
            used.
    """

    moving: int
    still: int
    invisible: int
    dropped: int = 0


@dataclass(frozen=True)
class BothDirections:
    """Motion fidelity in both directions, with its components.

    Attributes:
        output_to_source: Mean over the output's tracks of the best match in the source, -1 to 1
            ("precision": was this motion in the source?).
        source_to_output: Mean over the source's tracks of the best match in the output, -1 to 1
            ("recall": did this motion survive?). Only this one notices motion that was lost.
        source: Counts of the source's tracks.
        output: Counts of the output's tracks.
        by_step: The mean of both directions in each step, over the matches that both directions
            chose, -1 to 1; their mean is `mean` if every match is over all steps. None for a step
            in which no match is compared; empty if nothing in the output moves.
    """

    output_to_source: float
    source_to_output: float
    source: Counts
    output: Counts
    by_step: tuple[float | None, ...] = ()

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
) -> BothDirections:
    """Compare the motion of two clips of the same length.

    Args:
        source: Positions (x, y) in pixels of a canvas that both clips share.
        output: The same for the output; n and m may differ.
        source_visible: Where the tracker considers its position reliable; None: everywhere.
        output_visible: The same for the output.
        source_mask: Which tracks to compare, for example those on the foreground; None: all.
        output_mask: The same for the output.
        still_threshold: Length in pixels up to which a step is still; 0 applies the formula
            literally.
        conventions: Conventions that the formula leaves open.

    Raises:
        ValueError: Lengths differ, there is no step, a position is not finite, visibility or a
            mask is not of the tracks' shape, the threshold is negative, or nothing in the source
            moves.
    """
    check_tracks(source, output, still_threshold)
    check_flags("source", source, source_visible, source_mask)
    check_flags("output", output, output_visible, output_mask)
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
        return BothDirections(0.0, 0.0, source_counts, output_counts)
    a = rows_of(ours, still_threshold, conventions)
    b = rows_of(theirs, still_threshold, conventions)
    in_output, in_source = best_matches(a, b)
    by_step = np.mean([in_output.by_step(a, b), in_source.by_step(b, a)], axis=0)
    return BothDirections(
        output_to_source=_mean(in_source.corr),
        source_to_output=_mean(in_output.corr),
        source=source_counts,
        output=output_counts,
        by_step=tuple(None if math.isnan(value) else value for value in by_step.tolist()),
    )


class MotionFidelity(Metric):
    """Compares the motion of an output with that of its source.

    The details include scores of unrelated motion, the value over the foreground, and what it does
    not measure: speed, position, and the moving share of the frame.
    """

    name = "motion_fidelity"
    version = 2
    title = "Motion fidelity"
    description = (
        "Mean, over both directions, of how well the moving tracks of one clip are found in the "
        "other; blind to speed."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("tracks",)
    source = "Yatim et al., CVPR 2024"
    order = 20

    def __init__(self, resources: Resources) -> None:
        self._dataset = resources.dataset
        self._tracks = resources.tracks
        self._still_threshold = resources.protocol.still_threshold
        self._conventions = Conventions()

    def origin(self, task: Task) -> dict[str, Any]:
        """Tracks, conventions, and the inputs of the wrong-source score and of the foreground."""
        others = (self._tracks.origin(clip) for clip in self._others(task.clip))
        return self._tracks.origin(task.clip) | {
            "conventions": asdict(self._conventions),
            "other_sources": [one["source_tracks"] or one["source"] for one in others],
            "masks": task.clip.masks.sha256 if task.clip.masks else "",
        }

    def measure(self, task: Task) -> Measured:
        """Mean of both directions, with its components and related values as details.

        Details: each direction, the sum and the counts; `floor` and `other_sources` (see
        `chance_floor`, and `_other_sources`); `foreground` with its directions and how many of
        the source's tracks move there; `speed_ratio`, `direction_cosine` (where tracks of both
        clips begin at the same points) and the share of moving points on each side.
        """
        source, output = self._tracks.of_source(task.clip), self._tracks.of_output(task)
        result = self._compare(source, output)
        steps = source.points.shape[1] - 1
        floor = chance_floor(self._counted(result.source), self._counted(result.output), steps)
        details = (
            _directions(result)
            | {"sum": result.sum, "floor": floor}
            | self._other_sources(task.clip, output)
            | self._foreground(task.clip, source, output)
            | self._companions(source, output)
            | _counts(result)
        )
        return Measured(
            result.mean,
            details,
            per_frame={self.name: (None, *result.by_step)} if result.by_step else {},
            tracks=ScoredTracks(source.points, source.visible, output.points, output.visible),
        )

    def _counted(self, counts: Counts) -> int:
        """Number of counted tracks: all of them if the formula is applied literally."""
        if self._still_threshold == 0:
            return counts.moving + counts.still + counts.dropped
        return counts.moving

    def _compare(
        self, source: Tracks, output: Tracks, masks: Masks | None = None
    ) -> BothDirections:
        ours, theirs = masks or (None, None)
        return motion_fidelity(
            source.points,
            output.points,
            source_visible=source.visible,
            output_visible=output.visible,
            source_mask=ours,
            output_mask=theirs,
            still_threshold=self._still_threshold,
            conventions=self._conventions,
        )

    def _others(self, clip: Clip) -> list[Clip]:
        """The clips that follow this one in the manifest (wrapping around), of the same length.

        A clip whose file is missing is skipped, and is absent from the score's origin too.
        """
        clips = self._dataset.manifest.clips
        here = [known.name for known in clips].index(clip.name)
        form = clip_form(self._dataset, clip)
        circle = (*clips[here + 1 :], *clips[:here])
        others = [one for one in circle if clip_form(self._dataset, one) == form][:OTHERS]
        return [one for one in others if self._tracks.has_source(one)]

    def _other_sources(self, clip: Clip, output: Tracks) -> dict[str, float]:
        """Mean score of the output against some sources that it was not generated from."""
        values = []
        for other in self._others(clip):
            with suppress(ValueError):  # still: this pair does not need it
                values.append(self._compare(self._tracks.of_source(other), output).mean)
        return {"other_sources": float(np.mean(values))} if values else {}

    def _foreground(self, clip: Clip, source: Tracks, output: Tracks) -> dict[str, float]:
        """The number over the foreground alone.

        If nothing of the source moves on the foreground, it is the number over the whole frame,
        because there is no object whose motion the rest of the frame could hide.
        """
        if clip.masks:
            mask = true_masks(self._dataset, clip)[0]
            masks = begins_on(source.points, mask), begins_on(output.points, mask)
        else:
            threshold = self._still_threshold
            masks = (
                moves_otherwise(source.points, threshold),
                moves_otherwise(output.points, threshold),
            )
        moving = int(self._steps(source).moving[masks[0]].sum())
        result = self._compare(source, output, masks if moving else None)
        directions = {f"foreground_{name}": value for name, value in _directions(result).items()}
        return {"foreground": result.mean, "foreground_moving": float(moving)} | directions

    def _companions(self, source: Tracks, output: Tracks) -> dict[str, float]:
        ours, theirs = self._steps(source), self._steps(output)
        same_start = source.points.shape == output.points.shape and np.allclose(
            source.points[:, 0], output.points[:, 0]
        )
        cosine = {"direction_cosine": direction_cosine(ours, theirs)} if same_start else {}
        return cosine | {
            "speed_ratio": speed_ratio(ours, theirs),
            "source_moving_share": moving_share(ours),
            "output_moving_share": moving_share(theirs),
        }

    def _steps(self, tracks: Tracks) -> Steps:
        return steps_of(tracks.points, tracks.visible, self._still_threshold, self._conventions)


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
    """Mean correlation, clipped to its range after rounding."""
    return float(np.clip(best.mean(), -1.0, 1.0))


def _directions(result: BothDirections) -> dict[str, float]:
    return {
        "source_to_output": result.source_to_output,
        "output_to_source": result.output_to_source,
    }


def _counts(result: BothDirections) -> dict[str, float]:
    return {
        f"{side}_{name}": float(count)
        for side, counted in (("source", result.source), ("output", result.output))
        for name, count in asdict(counted).items()
    }
