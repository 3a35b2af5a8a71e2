"""Fidelity to the given reference: does an output move as the motion that the method was given?

A method that moves the object in the same way whatever it is given transfers nothing, and motion
fidelity alone cannot tell. So the output is compared with every motion that could have been given:
the clip's own (`forward`), the clip backwards (`reversed`), and another clip's (`other`). From the
numbers of two outputs of one prompt and seed, made from two references R and R', follows how
selective the method is:

    S = 1/2 [MF(out_R, R) - MF(out_R, R') + MF(out_R', R') - MF(out_R', R)]

which is 0 for a method that ignores its reference, and for copies of the references (out_R = R,
out_R' = R') the scale to divide by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from smmbench.dataset import Clip, reference_clip
from smmbench.metrics.companions import moving_share
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.metrics.moving import steps_of
from smmbench.metrics.resources import Resources
from smmbench.tracking import Tracks
from smmbench.video import Reference

FORWARD: Reference = "forward"
OTHERS: tuple[Reference, ...] = ("reversed", "other")
"""References that move, beside the clip's own."""


def selectivity(own: float, own_other: float, other: float, other_own: float) -> float:
    """S of two outputs of one prompt and seed; -2 to 2.

    Args:
        own: Motion fidelity of the output made from R with R.
        own_other: Of that output with R'.
        other: Of the output made from R' with R'.
        other_own: Of that output with R.

    Returns:
        0 where both outputs are the same video; it changes its sign where they are exchanged.
    """
    return ((own - other_own) + (other - own_other)) / 2  # exactly 0 for one video


class ReferenceFidelity(Metric):
    """Compares an output with each motion that the method could have been given.

    The value is motion fidelity to the one that it was given; for `none`, a still, to the clip's
    own motion, which no method saw then.
    """

    name = "reference_fidelity"
    version = 1
    title = "Fidelity to the given reference"
    description = (
        "Motion fidelity to the motion that the method was given; as details to the clip's own "
        "motion, to the clip backwards and to another clip, which selectivity is made of."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("tracks",)
    source = "motion fidelity by Yatim et al., CVPR 2024; the comparison is this project's"
    extra = True
    order = 25

    def __init__(self, resources: Resources) -> None:
        self._dataset = resources.dataset
        self._tracks = resources.tracks
        self._still_threshold = resources.protocol.still_threshold
        self._conventions = Conventions()
        self._between: dict[str, dict[str, float]] = {}

    def origin(self, task: Task) -> dict[str, Any]:
        """Tracks and conventions, the reference that was given, and which clip is the other."""
        other = self._other(task.clip)
        return self._tracks.origin(task.clip) | {
            "conventions": asdict(self._conventions),
            "reference": task.reference,
            "pair": {"other": other.pixels_sha256 if other else ""},
        }

    def measure(self, task: Task) -> Measured:
        """Fidelity to the given reference, and what selectivity needs beside it.

        Details: `to_forward`, `to_reversed`, `to_other`, the output's motion fidelity to each;
        `forward_reversed`, `forward_other`, that of two references to each other; `copy_reversed`
        and `copy_other`, the selectivity of copies of them; and `moving_share`, the share of the
        source's points that move. A reference that is a still, or is not there, has none.
        """
        output = self._tracks.of_output(task)
        references = dict(self._references(task.clip))
        to = {name: self._fidelity(tracks, output) for name, tracks in references.items()}
        details = {f"to_{name}": value for name, value in to.items()}
        details |= self._of_references(task.clip, references)
        given = FORWARD if task.reference == "none" else task.reference
        if given not in to:
            raise ValueError(f"The reference '{given}' has no motion to compare with.")
        note = "compared with the clip's own motion" if task.reference == "none" else ""
        return Measured(to[given], details, note)

    def _references(self, clip: Clip) -> Iterator[tuple[Reference, Tracks]]:
        """Tracks of each reference in which something moves."""
        yield FORWARD, self._tracks.of_source(clip)
        for name in OTHERS:
            if name == "other" and self._other(clip) is None:
                continue
            tracks = self._tracks.of_reference(clip, name)
            if self._moving(tracks) > 0:
                yield name, tracks

    def _of_references(self, clip: Clip, references: dict[Reference, Tracks]) -> dict[str, float]:
        """What holds for all outputs of a clip; computed once."""
        if clip.name not in self._between:
            own = references[FORWARD]
            found = {"moving_share": self._moving(own)}
            for name, tracks in references.items():
                if name == FORWARD:
                    continue
                apart = self._fidelity(own, tracks)
                copies = self._fidelity(own, own), self._fidelity(tracks, tracks)
                back = self._fidelity(tracks, own)
                found |= {
                    f"forward_{name}": (apart + back) / 2,
                    f"copy_{name}": selectivity(copies[0], back, copies[1], apart),
                }
            self._between[clip.name] = found
        return self._between[clip.name]

    def _other(self, clip: Clip) -> Clip | None:
        """The other clip, where there is one whose tracks can be had here."""
        try:
            other = reference_clip(self._dataset, clip, "other")
        except ValueError:
            return None
        return other if self._tracks.has_source(other) else None

    def _fidelity(self, source: Tracks, output: Tracks) -> float:
        return motion_fidelity(
            source.points,
            output.points,
            source_visible=source.visible,
            output_visible=output.visible,
            still_threshold=self._still_threshold,
            conventions=self._conventions,
        ).mean

    def _moving(self, tracks: Tracks) -> float:
        return moving_share(
            steps_of(tracks.points, tracks.visible, self._still_threshold, self._conventions)
        )
