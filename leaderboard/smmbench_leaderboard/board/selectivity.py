"""Selectivity: does a method's output follow the motion that the method was given?

For two references R and R' of one clip, prompt and seed, and MF the motion fidelity:

    S = 1/2 [MF(out_R, R) - MF(out_R, R') + MF(out_R', R') - MF(out_R', R)]

divided by the same expression for copies of the references (out_R = R, out_R' = R'). A method that
ignores its reference has 0, a copy of the reference has 1, and a method that follows the opposite
motion is below 0. R is the clip; R' is the clip played backwards, or another clip. If R and R' are
nearly the same motion, as for a swing played backwards, S is undefined. Such clips are left out by
a rule that depends on the references only (`SAME_MOTION`).

All values come from the details of `reference_fidelity`, so no video is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smmbench.metrics.reference_fidelity import ReferenceFidelity, selectivity
from smmbench.scoring.counting import Key
from smmbench.statistics import Estimate, mean_interval
from smmbench_leaderboard.board.reading import Result, Results
from smmbench_leaderboard.board.types import Bootstrap, Selective

METRIC = ReferenceFidelity.name
AGAINST = ("reversed", "other")
"""Other references, in the order of tables; `none` is a still image, without any motion."""

SAME_MOTION = 0.7
"""Motion fidelity between two references above which a clip is left out. The divisor, S of copies,
is then below 0.3. The value was chosen from references only, before any output was seen."""


ENOUGH = 0.5
"""Share of the clips that count from which a board shows S: a mean over few clips, made while a run
is under way or chosen by whoever submits, is not the method's."""


@dataclass(frozen=True)
class References:
    """What is known of the two references of a clip.

    Attributes:
        alike: Motion fidelity between the two, -1 to 1.
        copies: S of copies of them before division, which is the divisor.
        moving_share: Share of the points of the clip that move.
    """

    alike: float
    copies: float
    moving_share: float

    @property
    def told_apart(self) -> bool:
        """Whether the two motions differ enough for the clip to count."""
        return self.alike <= SAME_MOTION and self.copies > 0


@dataclass(frozen=True)
class Compared:
    """S of the pairs that a method generated from both references.

    Attributes:
        values: S by pair, on clips that count; 0 for a pair that failed with one reference.
        failed: Those of these pairs that failed.
        left_out: Clips whose references are nearly the same motion.
        unscored: Pairs whose videos have no `reference_fidelity` yet; no number includes them.
    """

    values: Mapping[Key, float]
    failed: frozenset[Key]
    left_out: tuple[str, ...]
    unscored: tuple[Key, ...]


def references_of(results: Results, against: str) -> dict[str, References]:
    """Return the two references of each clip, as far as scored videos describe them."""
    known: dict[str, References] = {}
    for by_pair in results.found.values():
        for key, result in by_pair.items():
            details = _details(result)
            if key[0] not in known and f"copy_{against}" in details:
                known[key[0]] = References(
                    alike=details[f"forward_{against}"],
                    copies=details[f"copy_{against}"],
                    moving_share=details["moving_share"],
                )
    return known


def compare_references(
    results: Results, label: str, against: str, references: Mapping[str, References]
) -> Compared:
    """Compute S of each pair that a method attempted with both references.

    Args:
        results: All results.
        label: Label of the method.
        against: The other reference, `reversed` or `other`.
        references: References by clip, from `references_of`.
    """
    own, other = results.found[label], results.from_others.get(label, {}).get(against, {})
    values: dict[Key, float] = {}
    failed: set[Key] = set()
    unscored: list[Key] = []
    left_out: dict[str, None] = {}
    for key in sorted(own.keys() & other.keys()):
        known = references.get(key[0])
        if "failed" in (own[key].record.status, other[key].record.status):
            s: float | None = 0.0
            failed.add(key)
        else:
            s = _scaled(_details(own[key]), _details(other[key]), against, known)
        if known is not None and not known.told_apart:
            left_out[key[0]] = None
        elif s is None or known is None:
            unscored.append(key)
        else:
            values[key] = s
    return Compared(values, frozenset(failed & values.keys()), tuple(left_out), tuple(unscored))


def estimate_of(values: Mapping[Key, float], bootstrap: Bootstrap) -> Estimate:
    """Return the mean of S over pairs, with its interval over clips."""
    clips = [clip for clip, _, _ in values]
    return mean_interval(np.array([*values.values()]), clips, **bootstrap.model_dump())


def selectivity_cells(
    results: Results, label: str, bootstrap: Bootstrap, least: float = 0.0
) -> dict[str, Selective]:
    """Return how selective a method is, for each other reference that it was run with.

    Args:
        results: All results.
        label: The method.
        bootstrap: How intervals are drawn.
        least: Share of the clips whose two references differ in motion that S must cover; a
            reference with fewer clips has no cell.
    """
    cells = {}
    for against in AGAINST:
        if against not in results.from_others.get(label, {}):
            continue
        references = references_of(results, against)
        compared = compare_references(results, label, against, references)
        clips = {clip for clip, _, _ in compared.values}
        if clips and len(clips) >= least * sum(one.told_apart for one in references.values()):
            estimate = estimate_of(compared.values, bootstrap)
            cells[against] = Selective(
                mean=estimate.mean,
                interval=estimate.interval,
                pairs=len(compared.values),
                failed=len(compared.failed),
                clips=len(clips),
                left_out=compared.left_out,
            )
    return cells


def _scaled(
    own: Mapping[str, float],
    other: Mapping[str, float],
    against: str,
    references: References | None,
) -> float | None:
    """Return S of a pair divided by that of copies; None if one of the videos is not scored."""
    to = f"to_{against}"
    if to not in own or to not in other or references is None or references.copies <= 0:
        return None
    s = selectivity(own["to_forward"], own[to], other[to], other["to_forward"])
    return s / references.copies


def _details(result: Result) -> Mapping[str, float]:
    """Return the details of a score of the current version; empty if there is none."""
    score = result.scores.get(METRIC)
    if score is None or score.value is None or score.version != ReferenceFidelity.version:
        return {}
    return score.details
