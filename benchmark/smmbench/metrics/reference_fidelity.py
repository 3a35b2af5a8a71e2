"""Fidelity to the given reference: does an output follow the motion that the method was given?

A method that moves the object in the same way regardless of its reference transfers nothing, but
motion fidelity alone cannot reveal this. The output is therefore compared with every motion that
could have been given: the clip's own (`forward`), the clip reversed in time (`reversed`), and
another clip's (`other`). The selectivity of the method follows from the numbers of two outputs with
the same prompt and seed, generated from two references R and R':

    S = 1/2 [MF(out_R, R) - MF(out_R, R') + MF(out_R', R') - MF(out_R', R)]

S is 0 for a method that ignores its reference; its value for copies of the references (out_R = R,
out_R' = R') is the scale by which it is divided.
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
"""Moving references other than the clip's own."""


def selectivity(own: float, own_other: float, other: float, other_own: float) -> float:
    """S of two outputs of one prompt and seed; -2 to 2.

    Args:
        own: Motion fidelity of the output made from R with R.
        own_other: That of the same output with R'.
        other: That of the output made from R' with R'.
        other_own: That of the same output with R.

    Returns:
        0 if both outputs are the same video; the sign changes if they are exchanged.
    """
    return ((own - other_own) + (other - own_other)) / 2  # exactly 0 for one video


class ReferenceFidelity(Metric):
    """Compares an output with each motion that the method could have been given.

    The value is the motion fidelity to the given reference; for `none`, a still, it is that to the
    clip's own motion, which the method did not receive.
    """

    name = "reference_fidelity"
    version = 1
    title = "Fidelity to the given reference"
    description = (
        "Motion fidelity to the motion that the method was given; the details, to the clip's own "
        "motion, the reversed clip and another clip, are the inputs of selectivity."
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
        """Fidelity to the given reference, with the further values that selectivity needs.

        Details: `to_forward`, `to_reversed`, `to_other`, the output's motion fidelity to each;
        `forward_reversed`, `forward_other`, that of two references to each other; `copy_reversed`
        and `copy_other`, the selectivity of copies of them; and `moving_share`, the share of the
        source's points that move. A reference that is still or missing has none.
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
        """Values shared by all outputs of a clip; computed once."""
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
        """The other clip, if there is one whose tracks are available."""
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
