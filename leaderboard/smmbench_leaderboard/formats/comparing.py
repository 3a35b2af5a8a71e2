"""Write a comparison of two methods for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from smmbench.display import plain
from smmbench_leaderboard.board.comparison import ColumnDifference, Comparison
from smmbench_leaderboard.formats.table import NONE, number
from smmbench_leaderboard.formats.terminal import drawn


def comparison_text(comparison: Comparison) -> str:
    """Write one line per metric: both means, their difference with interval and p, and wins."""
    a, b = plain(comparison.a), plain(comparison.b)
    titles = ("Metric", a, b, "Diff.", "95 % interval", "p", "p, board", "Won, tied, lost")
    table = Table(box=None, pad_edge=False)
    for place, title in enumerate(titles):
        table.add_column(
            Text(title),
            justify="right" if place else "left",
            overflow="ellipsis" if place else "fold",
        )
    table.columns[-1].no_wrap = True
    for column in comparison.columns:
        table.add_row(*(Text(cell) for cell in _cells(column)))
    part = "" if comparison.scope == "full" else ", only those that both attempted"
    caption = (
        f"{plain(comparison.dataset)}, {comparison.pairs} pairs of {comparison.clips} clips{part}. "
        f"Differences are {a} minus {b}, pair by pair; won, tied and lost count edits. Intervals "
        "are a bootstrap over source clips (below six clips, Student's t). p is from sign flips by "
        "clip, for these two methods and one metric alone: it is not corrected for multiple "
        "comparisons.",
        *_of_board(comparison),
        *comparison.notes,
    )
    return drawn(table, Text(), *(Text(plain(sentence, longest=1000)) for sentence in caption))


def _of_board(comparison: Comparison) -> tuple[str, ...]:
    if not comparison.ranked:
        return ("The board does not rank both methods, so there is no p of the board.",)
    return (
        "p, board: the same, corrected for all pairs of the "
        f"{comparison.ranked} methods that the board ranks, as its rank intervals are, but not "
        "for the number of metrics.",
    )


def _cells(column: ColumnDifference) -> tuple[str, ...]:
    low, high = (f"{end:+.3f}" for end in column.interval or (0, 0))
    return (
        column.title,
        number(column.a),
        number(column.b),
        f"{column.difference:+.3f}",
        f"[{low}, {high}]" if column.interval else NONE,
        _p(column.p),
        _p(column.p_board),
        f"{column.a_wins}, {column.ties}, {column.b_wins}",
    )


def _p(value: float | None) -> str:
    return NONE if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"
