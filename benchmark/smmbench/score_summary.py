"""Scores at a glance: a line a method. The board (`smmbench leaderboard`) is the full account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from smmbench.metrics.registry import metric
from smmbench.score import Outcome

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class MethodSummary:
    """What a method scored on one dataset.

    Attributes:
        method: Label of the method.
        dataset: Name of the dataset.
        scored: Results with a number for every metric.
        results: All results, failed ones too.
        means: By metric, over all results; one without a number counts as the metric's worst.
            None where no result has a number.
    """

    method: str
    dataset: str
    scored: int
    results: int
    means: dict[str, float | None]


def summarise(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> list[MethodSummary]:
    """A line for each method and dataset, in the order in which they came."""
    groups: dict[tuple[str, str], list[dict[str, float]]] = {}
    for outcome in outcomes:
        request = outcome.record.request
        groups.setdefault((request.method, request.dataset), []).append(_values(outcome, metrics))
    return [
        MethodSummary(
            method=method,
            dataset=dataset,
            scored=sum(len(values) == len(metrics) for values in group),
            results=len(group),
            means={name: _mean(name, group) for name in metrics},
        )
        for (method, dataset), group in groups.items()
    ]


def summary_table(summaries: Sequence[MethodSummary], metrics: Sequence[str]) -> Table:
    """The same for a terminal."""
    from rich.table import Table

    table = Table("method", "dataset", title="Scores; a result without a number counts as worst")
    table.add_column("scored", justify="right")
    for name in metrics:
        table.add_column(metric(name).title, justify="right")
    for line in summaries:
        means = (_shown(line.means[name]) for name in metrics)
        table.add_row(line.method, line.dataset, f"{line.scored} of {line.results}", *means)
    return table


def summary_json(
    summaries: Sequence[MethodSummary], outcomes: Sequence[Outcome], metrics: Sequence[str]
) -> dict[str, Any]:
    """The same for a program, with every result."""
    return {
        "methods": [asdict(line) for line in summaries],
        "results": [
            {
                "folder": str(outcome.folder),
                **outcome.record.request.model_dump(mode="json"),
                "status": outcome.record.status,
                "scores": {name: _values(outcome, metrics).get(name) for name in metrics},
                "notes": {s.metric: s.note for s in outcome.scores if s.note},
                "error": outcome.error,
            }
            for outcome in outcomes
        ],
    }


def complaints(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> list[str]:
    """What went wrong, a line for each thing: a refused video, or a number that is missing."""
    lines = [
        f"'{outcome.folder}' is refused: {outcome.error}" for outcome in outcomes if outcome.error
    ]
    missing: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        for reason in outcome.missing(metrics).items():
            missing.setdefault(reason, []).append(outcome)
    for (name, note), without in missing.items():
        where = f"{len(without)} videos" if len(without) > 1 else f"'{without[0].folder}'"
        lines.append(f"{name} of {where} could not be computed: {note}")
    return lines


def _values(outcome: Outcome, metrics: Sequence[str]) -> dict[str, float]:
    return {
        score.metric: score.value
        for score in outcome.scores
        if score.metric in metrics and score.value is not None
    }


def _mean(name: str, group: Sequence[dict[str, float]]) -> float | None:
    if not any(name in values for values in group):
        return None
    return sum(values.get(name, metric(name).worst) for values in group) / len(group)


def _shown(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.3f}"
