"""The compared conventions of motion fidelity, and their scores of all cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from smmbench.metrics.conventions import Conventions
from smmbench.metrics.motion_fidelity import BothDirections, motion_fidelity
from smmbench_research.emoji.validation.material import Case, Tracked
from smmbench_research.emoji.validation.ranking import area_under_curve, rank_correlation

OTHERS = 4  # number of clips of other families that a source is compared with
# Without speed, to which motion fidelity is invariant.
LADDERS = ("direction", "delay", "halt", "jitter")


HEADLINE = Conventions()


@dataclass(frozen=True)
class Variant:
    """One way to compute the number.

    Attributes:
        name: Name in the table.
        conventions: Conventions of motion fidelity.
        threshold: Threshold of motion, in pixels per step.
        pick: Which number of the result to use; by default the mean of both directions.
    """

    name: str
    conventions: Conventions = HEADLINE
    threshold: float = 0.5
    pick: Callable[[BothDirections], float] = field(default=lambda found: found.mean)


def _rule(name: str, **changes: Any) -> Variant:
    return Variant(name, Conventions(**changes))


VARIANTS = (
    Variant("headline (share .4)"),
    _rule("any step moves", moves="any"),
    _rule("share .1", moves="share", moving_share=0.1),
    _rule("share .25", moves="share", moving_share=0.25),
    _rule("share .5", moves="share", moving_share=0.5),
    _rule("path over 4 px", moves="path", moving_pixels=4.0),
    _rule("path over 8 px", moves="path", moving_pixels=8.0),
    _rule("displacement over 2 px", moves="displacement", moving_pixels=2.0),
    _rule("displacement over 4 px", moves="displacement", moving_pixels=4.0),
    _rule("displacement over 8 px", moves="displacement", moving_pixels=8.0),
    _rule("still steps count 0", still="zero"),
    _rule("still steps left out", still="left-out"),
    _rule("visible tracks", visibility="tracks"),
    _rule("visible steps", visibility="steps"),
    Variant("output to source only", pick=lambda found: found.output_to_source),
    Variant("source to output only", pick=lambda found: found.source_to_output),
    Variant("threshold 0 (the formula)", threshold=0.0),
    Variant("threshold .25", threshold=0.25),
    Variant("threshold 1", threshold=1.0),
    Variant("threshold 2", threshold=2.0),
)


@dataclass(frozen=True, eq=False)
class Found:
    """The results of one variant with one tracker.

    Attributes:
        values: Means over sources, by name of the output, and for `self` and `other`.
        ladders: Rank correlation with the true order, mean over sources, by ladder.
        area: Area under the curve, unchanged motion against another clip's.
        unfit: Share of sources in which nothing moves, which count as 0.
    """

    values: dict[str, float]
    ladders: dict[str, float]
    area: float
    unfit: float

    @property
    def order(self) -> float:
        """Mean rank correlation over the ladders to which the number should be sensitive."""
        return float(np.mean([self.ladders[name] for name in LADDERS]))


def evaluate(cases: Sequence[Case], tracker: str, variant: Variant) -> Found:
    """Compare every source with its outputs, with itself, and with other clips."""
    values: dict[str, list[float]] = defaultdict(list)
    ladders: dict[str, list[float]] = defaultdict(list)
    unfit = 0
    for at, case in enumerate(cases):
        first = compare(case.source, case.source, tracker, variant)
        unfit += first is None
        values["self"].append(first or 0.0)
        found = [compare(case.source, output, tracker, variant) or 0.0 for output in case.outputs]
        named = {output.name: value for output, value in zip(case.outputs, found, strict=True)}
        for name, value in named.items():
            values[name].append(value)
        for ladder in {output.ladder for output in case.outputs} - {""}:
            steps = [(0.0, named["kept"])]
            steps += [(o.level, named[o.name]) for o in case.outputs if o.ladder == ladder]
            damage, scores = zip(*steps, strict=True)
            ladders[ladder].append(rank_correlation(damage, scores))
        for other in _others(cases, at):
            values["other"].append(compare(case.source, other.outputs[0], tracker, variant) or 0.0)
    return Found(
        {name: float(np.mean(each)) for name, each in values.items()},
        {name: float(np.mean(each)) for name, each in ladders.items()},
        area_under_curve(values["kept"], values["other"]),
        unfit / len(cases),
    )


def compare(source: Tracked, output: Tracked, tracker: str, variant: Variant) -> float | None:
    """Return the number; None if nothing in the source moves."""
    a, b = source.tracks[tracker], output.tracks[tracker]
    try:
        found = motion_fidelity(
            a.points,
            b.points,
            source_visible=a.visible,
            output_visible=b.visible,
            still_threshold=variant.threshold,
            conventions=variant.conventions,
        )
    except ValueError:
        return None
    return variant.pick(found)


def _others(cases: Sequence[Case], at: int) -> list[Case]:
    """Return cases of other families, spread over all of them."""
    different = [case for case in cases if case.family != cases[at].family]
    step = max(1, len(different) // OTHERS)
    return [different[(at + k * step) % len(different)] for k in range(min(OTHERS, len(different)))]
