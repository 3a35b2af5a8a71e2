"""Compare a metric with graded videos: triplets, ratings, and known motion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from smmbench.graded import Graded, GradedSource, Order, numbers_of
from smmbench.metrics.registry import metric
from smmbench.results import Score
from smmbench.scoring.options import Options
from smmbench.statistics import Estimate
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_leaderboard.validation.agreement import (
    area_under_curve,
    preference,
    rank_correlation,
    share,
)
from smmbench_leaderboard.validation.gate import controls_of, standing
from smmbench_leaderboard.validation.types import Control, Stratum, Validation

Scores = Mapping[tuple[str, str], Score]
"""Scores by source and video."""


def validate_graded(
    names: Sequence[str],
    graded: Graded,
    options: Options,
    allowed: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Validation]:
    """Score graded videos by some metrics, and compare each metric with the known order.

    Args:
        names: Names of the metrics.
        graded: The videos with their order.
        options: Tracker, text model and device; its metrics are replaced.
        allowed: Controls that the metrics should rank high.
        bootstrap: Settings of the intervals.
        tell: Called after each source with its name.

    Raises:
        LookupError: There is no such metric, tracker or text model.
        ValueError: No metric has a number for any choice; the message says why.
    """
    scores: dict[str, dict[tuple[str, str], Score]] = {metric(name).name: {} for name in names}
    for number in numbers_of(graded, replace(options, metrics=tuple(names)), tell):
        scores[number.metric][number.source, number.video] = number.score
    draws = bootstrap or Bootstrap()
    found = [_validation(name, graded, of, allowed, draws) for name, of in scores.items()]
    if all(one.agreement is None for one in found):
        raise ValueError(found[0].notes[-1])
    return found


def _validation(
    name: str, graded: Graded, scores: Scores, allowed: Sequence[str], draws: Bootstrap
) -> Validation:
    sign = 1.0 if metric(name).higher_is_better else -1.0
    numbers = {
        place: sign * score.value for place, score in scores.items() if score.value is not None
    }
    agreed = list(_agreements(graded, numbers))
    known = sum(len(source.orders) for source in graded.sources)
    notes = graded.notes
    if not agreed:
        reason = next((score.note for score in scores.values() if score.note), "no choice is known")
        notes += (f"'{name}' has no number for any of {graded.name}'s choices: {reason}",)
    whole = _whole(graded, agreed, draws) if agreed else None
    area, correlation = _area(graded, numbers, draws), _correlation(graded, numbers, draws)
    return Validation(
        metric=name,
        kind=graded.kind,
        data=graded.name,
        agreement=whole.mean if whole else None,
        interval=whole.interval if whole else None,
        choices=len(agreed),
        ties=0,
        unscored=known - len(agreed),
        clips=len({source.cluster for source, _, _ in agreed}),
        strata=tuple(_strata(agreed, draws)),
        auc=area.mean if area else None,
        auc_interval=area.interval if area else None,
        correlation=correlation.mean if correlation else None,
        correlation_interval=correlation.interval if correlation else None,
        best=graded.positive,
        controls=_controls(graded, numbers, sign, allowed, draws),
        notes=notes,
    )


Agreed = tuple[GradedSource, Order, float]


def _agreements(graded: Graded, numbers: Mapping[tuple[str, str], float]) -> Iterator[Agreed]:
    """Yield each order whose videos both have a number, with the metric's agreement."""
    for source in graded.sources:
        for order in source.orders:
            better = numbers.get((source.name, order.better))
            worse = numbers.get((source.name, order.worse))
            if better is not None and worse is not None:
                yield source, order, preference(better, worse)


def _whole(graded: Graded, agreed: Sequence[Agreed], draws: Bootstrap) -> Estimate:
    """Return the overall agreement; for known motion, each kind of choice has equal weight."""
    if graded.kind != "known motion":
        clips = [source.cluster for source, _, _ in agreed]
        return share([one for _, _, one in agreed], clips, draws)
    by_kind: dict[tuple[str, str], list[float]] = defaultdict(list)
    for source, order, one in agreed:
        by_kind[source.cluster, order.kind].append(one)
    means = [sum(some) / len(some) for some in by_kind.values()]
    return share(means, [cluster for cluster, _ in by_kind], draws)


def _strata(agreed: Sequence[Agreed], draws: Bootstrap) -> Iterator[Stratum]:
    for kind in dict.fromkeys(order.kind for _, order, _ in agreed):
        some = [(source.cluster, one) for source, order, one in agreed if order.kind == kind]
        found = share([one for _, one in some], [clip for clip, _ in some], draws)
        yield Stratum(kind=kind, agreement=found.mean, interval=found.interval, choices=len(some))


def _area(
    graded: Graded, numbers: Mapping[tuple[str, str], float], draws: Bootstrap
) -> Estimate | None:
    """Compute the AUC of videos with the source's motion against those with another motion."""
    if not graded.positive or not graded.negatives:
        return None
    values: dict[bool, list[tuple[str, float]]] = {True: [], False: []}
    for source in graded.sources:
        for name in (graded.positive, *graded.negatives):
            if (value := numbers.get((source.name, name))) is not None:
                values[name == graded.positive].append((source.cluster, value))
    if not values[True] or not values[False]:
        return None
    (ours, above), (theirs, below) = (
        ([clip for clip, _ in values[side]], [value for _, value in values[side]])
        for side in (True, False)
    )
    return area_under_curve(above, ours, below, theirs, draws)


def _correlation(
    graded: Graded, numbers: Mapping[tuple[str, str], float], draws: Bootstrap
) -> Estimate | None:
    rated = [
        (video.rating, numbers[source.name, name], source.cluster)
        for source in graded.sources
        for name, video in source.videos.items()
        if video.rating is not None and (source.name, name) in numbers
    ]
    if not rated:
        return None
    ratings, values, clips = zip(*rated, strict=True)
    return rank_correlation(ratings, values, clips, draws)


def _controls(
    graded: Graded,
    numbers: Mapping[tuple[str, str], float],
    sign: float,
    allowed: Sequence[str],
    draws: Bootstrap,
) -> tuple[Control, ...]:
    by_name: dict[str, tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    for source in graded.sources:
        for name in (graded.positive, *graded.controls):
            if (value := numbers.get((source.name, name))) is not None:
                by_name[name][0].append(value)
                by_name[name][1].append(source.cluster)
    found = {name: standing(*some, draws) for name, some in by_name.items()}
    if graded.positive not in found:
        return ()
    return controls_of(found, found[graded.positive], graded.controls, sign, allowed)
