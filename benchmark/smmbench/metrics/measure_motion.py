"""Motion fidelity of a video, with its floors, its foreground and its companions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool

from smmbench.dataset import Clip, Dataset, clip_form, true_masks
from smmbench.metrics.chance import chance_floor
from smmbench.metrics.companions import direction_cosine, moving_share, speed_ratio
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.definition import Metric
from smmbench.metrics.foreground import begins_on, moves_otherwise
from smmbench.metrics.motion_fidelity import Counts, MotionFidelity, motion_fidelity
from smmbench.metrics.moving import Steps, steps_of
from smmbench.results.scored_tracks import ScoredTracks
from smmbench.scoring.clip_tracks import ClipTracks
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.resources import Resources
from smmbench.tracking import Tracker, Tracks

OTHERS = 3  # sources of other clips that an output is paired with

Masks = tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " m"]]


class MotionMeasure:
    """Compares the motion of an output with that of its source.

    Args:
        dataset: Has the sources.
        tracker: Follows points of the outputs, and of the sources unless their truth is asked for.
        source_tracks: `tracker` or `known`.
        still_threshold: Of the protocol, in pixels a step of its canvas.
    """

    def __init__(
        self,
        dataset: Dataset,
        tracker: Tracker,
        source_tracks: Literal["tracker", "known"],
        still_threshold: float,
    ) -> None:
        self._dataset = dataset
        self._tracks = ClipTracks(dataset, tracker, source_tracks)
        self._still_threshold = still_threshold
        self._conventions = Conventions()

    def origin(self, task: Task) -> dict[str, Any]:
        """Tracks, conventions, and what the floor and the foreground are taken from."""
        others = (self._tracks.origin(clip) for clip in self._others(task.clip))
        return self._tracks.origin(task.clip) | {
            "conventions": asdict(self._conventions),
            "other_sources": [one["source_tracks"] or one["source"] for one in others],
            "masks": task.clip.masks.sha256 if task.clip.masks else "",
        }

    def measure(self, task: Task) -> Measured:
        """Mean of both directions, and as details what it is made of and what stands beside it.

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
        tracks = ScoredTracks(source.points, source.visible, output.points, output.visible)
        return Measured(result.mean, details, tracks=tracks)

    def _counted(self, counts: Counts) -> int:
        """How many tracks enter the number: by the formula to the letter, all."""
        if self._still_threshold == 0:
            return counts.moving + counts.still + counts.dropped
        return counts.moving

    def _compare(
        self, source: Tracks, output: Tracks, masks: Masks | None = None
    ) -> MotionFidelity:
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
        """The clips that come after this one in the manifest, in a circle, of the same length.

        A clip whose file is not here is left out, and so from the score's origin too.
        """
        clips = self._dataset.manifest.clips
        here = [known.name for known in clips].index(clip.name)
        form = clip_form(self._dataset, clip)
        circle = (*clips[here + 1 :], *clips[:here])
        others = [one for one in circle if clip_form(self._dataset, one) == form][:OTHERS]
        return [one for one in others if self._tracks.has_source(one)]

    def _other_sources(self, clip: Clip, output: Tracks) -> dict[str, float]:
        """What the output scores against sources that it was not made from: the mean of some."""
        values = []
        for other in self._others(clip):
            with suppress(ValueError):  # still: this pair does not need it
                values.append(self._compare(self._tracks.of_source(other), output).mean)
        return {"other_sources": float(np.mean(values))} if values else {}

    def _foreground(self, clip: Clip, source: Tracks, output: Tracks) -> dict[str, float]:
        """The number over the foreground alone.

        It is that of the whole where nothing of the source moves on the foreground: there is no
        object then whose motion the rest of the frame hides.
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


def load(wanted: Metric, resources: Resources) -> MotionMeasure:
    """Make the measure under the protocol's tracker and threshold."""
    threshold = resources.protocol.still_threshold
    return MotionMeasure(resources.dataset, resources.tracker, resources.source_tracks, threshold)


def _directions(result: MotionFidelity) -> dict[str, float]:
    return {
        "source_to_output": result.source_to_output,
        "output_to_source": result.output_to_source,
    }


def _counts(result: MotionFidelity) -> dict[str, float]:
    return {
        f"{side}_{name}": float(count)
        for side, counted in (("source", result.source), ("output", result.output))
        for name, count in asdict(counted).items()
    }
