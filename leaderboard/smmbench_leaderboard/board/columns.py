"""The columns of a board: which numbers it shows, and which of them rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smmbench.metrics.registry import all_metrics, metric
from smmbench.scoring import counting
from smmbench_leaderboard.board.mixing import shared_conditions
from smmbench_leaderboard.board.reading import Result
from smmbench_leaderboard.board.types import Column

TEXT, MOTION = "text_similarity", counting.MOTION
RANKING = (TEXT, MOTION)  # the two axes; all other columns explain them

DIRECTIONS = (
    ("source_to_output", "Source to output"),  # is every motion of the source in the output?
    ("output_to_source", "Output to source"),  # is every motion of the output in the source?
)
FLOOR, OTHERS, FOREGROUND = "floor", "other_sources", "foreground"
FLOORS = (FLOOR, OTHERS)  # scores of unrelated motion: the chance level, the wrong-source score
BESIDE = (
    (FOREGROUND, "On the foreground"),
    (FLOOR, "Chance level"),
    (OTHERS, "Wrong-source score"),
)


def columns_of(
    results: Iterable[Result], metrics: Sequence[str] = (), others: bool = False
) -> tuple[Column, ...]:
    """Return the two axes, the details of motion fidelity, and each further requested metric.

    An axis without any number remains as a column that is not scored. The foreground, the chance
    level and the wrong-source score are columns if some score has them.

    Args:
        results: The results that the columns describe.
        metrics: Names of metrics to show besides the axes.
        others: Whether other rows may have numbers that these results lack.

    Raises:
        LookupError: There is no metric of that name.
        ValueError: No result has a number of a requested metric, or scores of one metric were
            computed under different conditions.
    """
    wanted = {*RANKING, *(metric(name).name for name in metrics)}
    results = list(results)
    columns: list[Column] = []
    for known in all_metrics():
        if known.name not in wanted:
            continue
        under = shared_conditions(known.name, results)
        if under is None and known.name not in RANKING and not others:
            raise ValueError(
                f"Nothing here has a number of '{known.name}'. Run "
                f"`smmbench score --metrics {known.name}` on this folder first."
            )
        version, conditions = under or (None, {})
        details = (*DIRECTIONS, *_beside(results)) if known.name == MOTION else ()
        columns += [
            Column(
                name=name or known.name,
                metric=known.name,
                detail=name,
                title=title,
                worst=known.worst,
                version=version,
                conditions=conditions,
            )
            for name, title in (("", known.title), *details)
        ]
    return tuple(columns)


def _beside(results: Iterable[Result]) -> list[tuple[str, str]]:
    scores = [result.scores[MOTION] for result in results if MOTION in result.scores]
    return [one for one in BESIDE if any(one[0] in score.details for score in scores)]


def titled(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return columns with the titles of this version; entries store those of an earlier one."""
    titles = dict((*DIRECTIONS, *BESIDE))
    return tuple(
        column.model_copy(update={"title": titles.get(column.detail, column.title)})
        if column.metric == MOTION
        else column
        for column in columns
    )


def value_of(column: Column, result: Result | None) -> float | None:
    """Return the number of one result in one column, or None if there is none."""
    score = result.scores.get(column.metric) if result else None
    if score is None:
        return None
    return score.details.get(column.detail) if column.detail else score.value


def is_floor(column: Column) -> bool:
    """Return whether a column is a score of unrelated motion, which exists only with a video."""
    return column.metric == MOTION and column.detail in FLOORS


def explains(column: Column) -> bool:
    """Return whether a column is that of a metric that does not rank."""
    return not column.detail and column.metric not in RANKING


def higher_is_better(column: Column) -> bool:
    """Return whether higher is better in a column."""
    return metric(column.metric).higher_is_better
