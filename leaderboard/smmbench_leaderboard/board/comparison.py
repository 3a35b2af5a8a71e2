"""Two methods, pair by pair: where they differ, by how much, and how surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from smmbench.plugins import no_such
from smmbench.results import Stored
from smmbench.statistics import paired_difference
from smmbench_leaderboard.board.build import board_of, column_values
from smmbench_leaderboard.board.columns import higher_is_better, is_floor
from smmbench_leaderboard.board.reading import Results, read_results
from smmbench_leaderboard.board.types import Board, Bootstrap, Column, Row, Scope


class ColumnDifference(Stored):
    """How two methods differ in one column; `wins` count edits, each the mean of its seeds."""

    column: str
    title: str
    a: float
    b: float
    difference: float  # a - b
    interval: tuple[float, float] | None
    p: float | None  # two-sided, not corrected for the number of columns
    a_wins: int
    ties: int
    b_wins: int


class Comparison(Stored):
    """Two methods over the same pairs."""

    a: str
    b: str
    dataset: str
    scope: Scope
    clips: int
    pairs: int
    columns: tuple[ColumnDifference, ...]
    notes: tuple[str, ...]


def compare(
    root: Path,
    a: str,
    b: str,
    dataset: str | None = None,
    scope: Scope | None = None,
    bootstrap: Bootstrap | None = None,
    metrics: Sequence[str] = (),
) -> Comparison:
    """Compare two methods by their labels; a missing or failed pair counts as the worst value.

    An axis that neither has a number on is left out, and so is a further metric that one of them
    has no number of; a note says so. `metrics` are compared besides the two axes. Floors are not
    compared: they say nothing of a method.

    Raises:
        LookupError: No results under such a label, or no such metric; the message lists what
            there is.
        ValueError: As `make_board`, or both labels are the same.
    """
    if a == b:
        raise ValueError(f"'{a}' compared with itself says nothing; name two methods.")
    results = read_results(root, dataset)
    for label in (a, b):
        if label not in results.found:
            raise LookupError(no_such("method in these results", label, sorted(results.found)))
    bootstrap = bootstrap or Bootstrap()
    board = board_of(_only(results, {a, b}), scope, bootstrap, metrics)
    rows = {row.label: row for row in board.rows}
    return Comparison(
        a=a,
        b=b,
        dataset=board.dataset,
        scope=board.scope,
        clips=board.clips,
        pairs=board.pairs,
        columns=tuple(
            _difference(board, column, rows[a], rows[b])
            for column in board.columns
            if not is_floor(column)
            and rows[a].cells[column.name].mean is not None
            and rows[b].cells[column.name].mean is not None
        ),
        notes=board.notes,
    )


def _only(results: Results, labels: set[str]) -> Results:
    return Results(
        results.dataset,
        {label: method for label, method in results.methods.items() if label in labels},
        {label: found for label, found in results.found.items() if label in labels},
        {label: count for label, count in results.left_out.items() if label in labels},
    )


def _difference(board: Board, column: Column, a: Row, b: Row) -> ColumnDifference:
    clusters = [pair.clip for pair in a.pairs]
    one, other = column_values(a, column.name), column_values(b, column.name)
    found = paired_difference(one, other, clusters, **board.bootstrap.model_dump())
    wins = _wins(column, a, b)
    mean_a, mean_b = a.cells[column.name].mean, b.cells[column.name].mean
    assert mean_a is not None and mean_b is not None  # the column is scored
    return ColumnDifference(
        column=column.name,
        title=column.title,
        a=mean_a,
        b=mean_b,
        difference=found.mean,
        interval=found.interval,
        p=found.p,
        a_wins=wins.count(1),
        ties=wins.count(0),
        b_wins=wins.count(-1),
    )


def _wins(column: Column, a: Row, b: Row) -> list[int]:
    """For each edit 1 if `a` is better, 0 if they are equal, -1 if `b` is better."""
    gain: dict[tuple[str, str], float] = defaultdict(float)
    for one, other in zip(a.pairs, b.pairs, strict=True):
        gain[one.clip, one.edit] += one.values[column.name] - other.values[column.name]
    sign = 1 if higher_is_better(column) else -1
    return [sign * ((total > 0) - (total < 0)) for total in gain.values()]
