"""A comparison of two methods, for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from smmbench.display import plain
from smmbench_leaderboard.board.comparison import ColumnDifference, Comparison
from smmbench_leaderboard.formats.table import NONE, number
from smmbench_leaderboard.formats.terminal import drawn


def comparison_text(comparison: Comparison) -> str:
    """Write a line a metric: both means, their difference with interval and p, and who wins."""
    a, b = plain(comparison.a), plain(comparison.b)
    titles = ("Metric", a, b, "Difference", "95 % interval", "p", "Edits won, tied, lost")
    table = Table(box=None, pad_edge=False)
    for place, title in enumerate(titles):
        table.add_column(Text(title), justify="right" if place else "left", overflow="fold")
    for column in comparison.columns:
        table.add_row(*(Text(cell) for cell in _cells(column)))
    part = "" if comparison.scope == "full" else ", only those that both attempted"
    caption = (
        f"{plain(comparison.dataset)}, {comparison.pairs} pairs of {comparison.clips} clips{part}. "
        f"Differences are {a} minus {b}, pair by pair; intervals and p are over source clips, p is "
        "not corrected for the number of metrics.",
        *comparison.notes,
    )
    return drawn(table, Text(), *(Text(plain(sentence, longest=400)) for sentence in caption))


def _cells(column: ColumnDifference) -> tuple[str, ...]:
    low, high = (f"{end:+.3f}" for end in column.interval or (0, 0))
    return (
        column.title,
        number(column.a),
        number(column.b),
        f"{column.difference:+.3f}",
        f"[{low}, {high}]" if column.interval else NONE,
        NONE if column.p is None else "<0.001" if column.p < 0.001 else f"{column.p:.3f}",
        f"{column.a_wins}, {column.ties}, {column.b_wins}",
    )
