"""A summary of scores, one line per method; `smmbench leaderboard` gives the full board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from smmbench.metrics.registry import metric
from smmbench.results import Reference
from smmbench.scoring.counting import counted_mean, discredited
from smmbench.scoring.loop import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table


FLOORS = ("floor", "other_sources")
"""Details of a metric for unrelated motion: the chance level and the wrong-source score."""


@dataclass(frozen=True)
class MethodSummary:
    """The scores of a method on one dataset.

    Attributes:
        method: Label of the method.
        dataset: Name of the dataset.
        reference: The motion that the method was given: `forward` is the clip's own; results of
            another reference have a separate line.
        scored: Results with a number for every metric.
        results: All results of required pairs, including failed ones.
        marked: Results whose video is marked, whether or not this affects a number.
        means: By metric, over all results; one without a number counts as the metric's worst, and
            so does, on motion, a marked one of a method that is not a control. None if no result
            has a number.
        floors: By metric that has them: the chance level (random directions) and the wrong-source
            score (outputs against the sources of other clips), as means over results.
    """

    method: str
    dataset: str
    reference: Reference
    scored: int
    results: int
    marked: int
    means: dict[str, float | None]
    floors: dict[str, dict[str, float]]


def summarise(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> list[MethodSummary]:
    """A line for each method, dataset and reference, in the order in which they occur."""
    groups: dict[tuple[str, str, Reference], list[Outcome]] = {}
    for outcome in outcomes:
        request = outcome.record.request
        if outcome.asked:
            key = request.method, request.dataset, request.reference
            groups.setdefault(key, []).append(outcome)
    return [_summary(*key, group, metrics) for key, group in groups.items()]


def _summary(
    method: str,
    dataset: str,
    reference: Reference,
    group: Sequence[Outcome],
    metrics: Sequence[str],
) -> MethodSummary:
    values = [_values(outcome, metrics) for outcome in group]
    floors = {name: _floors(name, group) for name in metrics}
    return MethodSummary(
        method=method,
        dataset=dataset,
        reference=reference,
        scored=sum(len(one) == len(metrics) for one in values),
        results=len(group),
        marked=sum(bool(outcome.marks_that_hold) for outcome in group),
        means={name: _mean(name, group) for name in metrics},
        floors={name: found for name, found in floors.items() if found},
    )


def summary_table(summaries: Sequence[MethodSummary], metrics: Sequence[str]) -> Table:
    """Format the summaries for a terminal: a line for each method, and one for each metric below.

    Args:
        summaries: Summaries of methods.
        metrics: Names of the metrics to show.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Scores; a result without a number counts as worst", box=None)
    table.add_column("method and metric", overflow="fold")
    table.add_column("mean", justify="right", no_wrap=True)
    captions = []
    if any(line.marked for line in summaries):
        captions.append("Marked results of methods count as worst on motion; controls' do not")
    with_floors = any(line.floors for line in summaries)
    if with_floors:
        table.add_column("unrelated motion", justify="right", no_wrap=True)
        captions.append(
            "Unrelated motion: chance level (random directions), wrong-source score (outputs "
            "against the sources of other clips)"
        )
    table.caption = ". ".join(captions) or None
    for line in summaries:
        label = line.method if line.reference == "forward" else f"{line.method} ({line.reference})"
        counts = f"{line.scored} of {line.results} scored"
        counts += f", {line.marked} marked" if line.marked else ""
        table.add_row(Text(f"{label} on {line.dataset}: {counts}", "bold"))
        for name in metrics:
            floors = line.floors.get(name, {})
            unrelated = ", ".join(_shown(floors[floor]) for floor in FLOORS if floor in floors)
            cells = [metric(name).title, _shown(line.means[name]), unrelated]
            table.add_row(*cells[: len(table.columns)])
    return table


def summary_json(
    summaries: Sequence[MethodSummary], outcomes: Sequence[Outcome], metrics: Sequence[str]
) -> dict[str, Any]:
    """The same as JSON, with every result."""
    return {
        "methods": [asdict(line) for line in summaries],
        "results": [
            {
                "folder": str(outcome.folder),
                **outcome.record.request.model_dump(mode="json"),
                "status": outcome.record.status,
                "scores": {name: _values(outcome, metrics).get(name) for name in metrics},
                "marks": list(outcome.marks_that_hold),
                "notes": {s.metric: s.note for s in outcome.scores if s.note},
                "error": outcome.error,
            }
            for outcome in outcomes
        ],
    }


def complaints(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> list[str]:
    """Problems, one line each: a rejected video, or a missing number."""
    lines = [
        f"'{outcome.folder}' is rejected: {outcome.error}" for outcome in outcomes if outcome.error
    ]
    missing: dict[tuple[str, str], list[Path]] = {}
    for outcome in outcomes:
        for reason in outcome.missing(metrics).items():
            missing.setdefault(reason, []).append(outcome.folder)
    alike: dict[tuple[str, tuple[Path, ...]], list[str]] = {}  # a text model serves several metrics
    for (name, note), without in missing.items():
        alike.setdefault((note, tuple(without)), []).append(name)
    for (note, folders), names in alike.items():
        where = f"{len(folders)} videos" if len(folders) > 1 else f"'{folders[0]}'"
        lines.append(f"{', '.join(names)} of {where} could not be computed: {note}")
    return lines


def remarks(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> list[str]:
    """Notes on numbers, each once, such as a prompt whose end was not read."""
    outside = sum(not outcome.asked for outcome in outcomes)
    said: dict[str, list[str]] = {}
    for outcome in outcomes:
        for score in outcome.scores:
            if score.metric in metrics and score.value is not None and score.note:
                said.setdefault(f"{score.metric}: {score.note}", []).append(str(outcome.folder))
    return [
        *(f"{note} ({len(folders)} videos)" for note, folders in said.items()),
        *([f"{outside} results of other seeds or edits are in no mean."] if outside else []),
    ]


def _values(outcome: Outcome, metrics: Sequence[str]) -> dict[str, float]:
    return {
        score.metric: score.value
        for score in outcome.scores
        if score.metric in metrics and score.value is not None
    }


def _mean(name: str, group: Sequence[Outcome]) -> float | None:
    """Mean of the values of the results, as on the board."""
    return counted_mean(
        name,
        [_values(outcome, (name,)).get(name) for outcome in group],
        [discredited(name, outcome.marks_that_hold, outcome.control) for outcome in group],
    )


def _floors(name: str, group: Sequence[Outcome]) -> dict[str, float]:
    details = [
        score.details for outcome in group for score in outcome.scores if score.metric == name
    ]
    found = {floor: [one[floor] for one in details if floor in one] for floor in FLOORS}
    return {floor: sum(values) / len(values) for floor, values in found.items() if values}


def _shown(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.3f}"
