"""Compare two methods pair by pair: differences, their intervals and p-values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from smmbench.results import Stored
from smmbench.statistics import paired_difference
from smmbench_leaderboard.board.build import board_of
from smmbench_leaderboard.board.columns import higher_is_better, is_floor
from smmbench_leaderboard.board.joining import beside, chosen_of_both
from smmbench_leaderboard.board.published import PublishedRows
from smmbench_leaderboard.board.ranking import column_values, compared, competes
from smmbench_leaderboard.board.reading import read_results
from smmbench_leaderboard.board.types import Board, Bootstrap, Column, Row, Scope


class ColumnDifference(Stored):
    """How two methods differ in one column. Wins count edits, each as the mean over its seeds.

    Attributes:
        column: Name of the column.
        title: Title of the column.
        a: Mean of the first method.
        b: Mean of the second.
        difference: First minus second.
        interval: Interval of the difference over source clips, for this difference alone; None with
            one clip.
        p: Two-sided p-value of the sign-flip test by clip for these two methods, not corrected; 1
            with one clip.
        p_board: The same, corrected for all pairs of methods that the board ranks, like the board's
            rank intervals; None if the board does not rank both.
        a_wins: Number of edits on which the first method is better.
        ties: Number of edits on which they are equal.
        b_wins: Number of edits on which the second method is better.
    """

    column: str
    title: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float] | None
    p: float
    p_board: float | None = None
    a_wins: int
    ties: int
    b_wins: int


class Comparison(Stored):
    """Two methods over the same pairs; p is corrected for `ranked` methods."""

    a: str
    b: str
    dataset: str
    scope: Scope
    clips: int
    pairs: int
    ranked: int
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
    ledger: Path | None = None,
) -> Comparison:
    """Compare two methods by their labels; a missing or failed pair counts as the worst value.

    The pairs are those that both attempted, or all with scope `full`; `p_board` covers the pairs of
    the board, which may differ. An axis on which neither has a number is left out, and so is a
    further metric that one of them lacks; a note states it. `metrics` are compared in addition to
    the two axes. Scores of unrelated motion are not compared: they say nothing of a method.

    With a ledger, a label that begins with `ledger:` names a published row, which is compared by
    the published numbers of its pairs; nothing is run again.

    Raises:
        LookupError: There are no results under such a label, or no such metric; the message lists
            what is available.
        ValueError: As for `make_board`, or both labels are the same.
    """
    if a == b:
        raise ValueError(f"'{a}' cannot be compared with itself; name two methods.")
    if ledger is None:
        results, published = read_results(root, dataset), PublishedRows()
    else:
        results, published = beside(root, ledger, dataset, metrics)
    bootstrap = bootstrap or Bootstrap()
    both, shown = chosen_of_both(results, published, (a, b))
    board = board_of(both, scope or "shared", bootstrap, metrics, published=shown)
    rows = {row.label: row for row in board.rows}
    ranked = _ranked_with(board_of(results, scope, bootstrap, metrics, published=published), a, b)
    return Comparison(
        a=a,
        b=b,
        dataset=board.dataset,
        scope="full" if board.pairs == board.dataset_pairs else "shared",
        clips=board.clips,
        pairs=board.pairs,
        ranked=len(ranked),
        columns=tuple(
            _difference(board, column, rows[a], rows[b], ranked)
            for column in board.columns
            if not is_floor(column)
            and rows[a].cells[column.name].mean is not None
            and rows[b].cells[column.name].mean is not None
        ),
        notes=board.notes,
    )


def _ranked_with(board: Board, a: str, b: str) -> list[Row]:
    """Return the rows that the board ranks together if both methods are among them, else none."""
    of_a = next(row for row in board.rows if row.label == a)
    ranked = [row for row in board.rows if competes(row) and row.block == of_a.block]
    return ranked if {a, b} <= {row.label for row in ranked} else []


def _difference(
    board: Board, column: Column, a: Row, b: Row, ranked: Sequence[Row]
) -> ColumnDifference:
    clusters = [pair.clip for pair in a.pairs]
    one, other = column_values(a, column.name), column_values(b, column.name)
    found = paired_difference(one, other, clusters, **board.bootstrap.model_dump())
    wins = _wins(column, a, b)
    mean_a, mean_b = a.cells[column.name].mean, b.cells[column.name].mean
    assert mean_a is not None and mean_b is not None  # the column is scored
    known = [row for row in ranked if row.cells[column.name].mean is not None]
    return ColumnDifference(
        column=column.name,
        title=column.title,
        a=mean_a,
        b=mean_b,
        difference=found.mean,
        interval=found.interval,
        p=compared([a, b], column, board.bootstrap).p_of(a.label, b.label),
        p_board=(
            compared(known, column, board.bootstrap).p_of(a.label, b.label) if ranked else None
        ),
        a_wins=wins.count(1),
        ties=wins.count(0),
        b_wins=wins.count(-1),
    )


def _wins(column: Column, a: Row, b: Row) -> list[int]:
    """Return 1 for each edit on which `a` is better, 0 if equal, and -1 if `b` is better."""
    gain: dict[tuple[str, str], float] = defaultdict(float)
    for one, other in zip(a.pairs, b.pairs, strict=True):
        gain[one.clip, one.edit] += one.values[column.name] - other.values[column.name]
    sign = 1 if higher_is_better(column) else -1
    return [sign * ((total > 0) - (total < 0)) for total in gain.values()]
