"""Write a board for a terminal: fit for 80 columns, with intervals below their means."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from smmbench.display import console, fitted, plain
from smmbench_leaderboard.board.columns import FLOOR, FLOORS, FOREGROUND, OTHERS, RANKING
from smmbench_leaderboard.board.types import Board, Cell, Row, Selective
from smmbench_leaderboard.formats.table import (
    NONE,
    against_of,
    blocks_of,
    caption_of,
    number,
    percent,
    rank_text,
)

HEADER_BEFORE = ("", "Method")
HEADER_AFTER = ("Pairs", "Seconds", "GiB")
UNRELATED = "Unrelated motion"
UNRELATED_WORDS = {FLOOR: "chance level", OTHERS: "wrong-source score"}


def to_terminal(board: Board) -> str:
    """Write the table and its caption; with styles only if standard output is a terminal.

    All cells are `Text`, so that square brackets in a name are not markup. Names and numbers are
    never folded; columns that do not fit are dropped from the right, selectivity and the scores
    of unrelated motion last, and listed. If even the ranks do not fit, a row is a block of lines.
    """
    floors = [column.name for column in board.columns if column.name in FLOORS]
    shown = [column for column in board.columns if column.name not in (*FLOORS, FOREGROUND)]
    against = against_of(board)
    titles = [*(column.title for column in shown), *([UNRELATED] if floors else [])]
    header = (*HEADER_BEFORE, *titles, *(f"S, {name}" for name in against), *HEADER_AFTER)
    names = [column.name for column in shown]
    rows = [(row, _cells(row, names, floors, against)) for row in board.rows]
    widths = [
        _width([title.split(), *(cells[place].split("\n") for _, cells in rows)])
        for place, title in enumerate(header)
    ]
    room = sum(widths) + len(widths) + 1
    if _bounded():
        room = console().width
    ranking = [2 + place for place, column in enumerate(shown) if column.name in RANKING]
    always = [0, 1, *ranking, header.index("Pairs")]
    # Unrelated motion and selectivity come before details: a mean says little without them.
    first = range(len(HEADER_BEFORE) + len(shown), len(header) - len(HEADER_AFTER))
    places = _fitting(widths, always, [*first, *range(len(widths))], room)
    if sum(widths[place] + 1 for place in places) + 1 > room:
        places = list(range(len(header)))  # each row will be a block of lines, which has room
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)  # the box has a space between columns
    for place in places:
        name = header[place] == "Method"
        table.add_column(
            Text(header[place]),
            justify="left" if name else "right",
            no_wrap=True,
            min_width=widths[place],
        )
    by_label = dict((row.label, cells) for row, cells in rows)
    for title, part in _parts(board):
        if title:
            table.add_row(*(Text(title if place == 1 else "") for place in places), style="italic")
        for row in part:
            style = "bold" if row.pareto else "dim" if row.control or row.partial else ""
            table.add_row(*(Text(by_label[row.label][place]) for place in places), style=style)
        table.add_section()
    caption = list(caption_of(board))
    if any(row.partial for row in board.rows):
        caption.insert(
            0, "The last rows lack pairs of the board and are not comparable with the others."
        )
    if any(row.control and not row.partial for row in board.rows):
        caption.insert(
            0,
            "The rows below the methods, without ranks, are controls: they test the metrics.",
        )
    if floors and header.index(UNRELATED) in places:
        words = " above, ".join(UNRELATED_WORDS[one] for one in floors)
        caption.insert(0, f"{UNRELATED}: {words}{' below' if len(floors) > 1 else ''}.")
    if left_out := [title for place, title in enumerate(header) if place not in places]:
        caption.insert(
            0, f"Not shown: {', '.join(left_out)}. Use a wider terminal or --format csv."
        )
    if any(cell.rank for row in board.rows for cell in row.cells.values()):
        caption.insert(0, "Ranks are in brackets.")
    sentences = (Text(plain(sentence, longest=1000)) for sentence in caption)
    return drawn(table, *sentences, width=room)


def _parts(board: Board) -> list[tuple[str, list[Row]]]:
    """Add the rows of the table: blocks with their titles, controls, partial rows."""
    controls = [row for row in board.rows if row.control and not row.partial]
    partial = [row for row in board.rows if row.partial]
    return [*blocks_of(board), ("", controls), ("", partial)]


def drawn(*parts: Table | Text, width: int = 0) -> str:
    """Draw for standard output, as wide as the terminal, in colour only if it is one.

    Args:
        parts: What to draw, from top to bottom.
        width: Number of columns, if more are needed than the terminal has.
    """
    file = io.StringIO()
    wide = max(console().width, width)
    shown = (
        one for part in parts for one in (fitted(part, wide) if isinstance(part, Table) else [part])
    )
    console(file=file, width=wide).print(*shown, sep="\n")
    return file.getvalue()


def _bounded() -> bool:
    """Return whether the width is limited; a pipe or a file has room for everything."""
    return console().is_terminal or "COLUMNS" in os.environ


def _fitting(
    widths: Sequence[int], always: Sequence[int], wanted: Sequence[int], room: int
) -> list[int]:
    """Return those that fit of the wanted columns, the first preferred, and those that stay."""
    kept = set(always)
    for place in wanted:
        some = kept | {place}
        if sum(widths[one] + 1 for one in some) + 1 <= room:  # with a space at both ends
            kept = some
    return sorted(kept)


def _cells(
    row: Row, columns: Sequence[str], floors: Sequence[str], against: Sequence[str]
) -> tuple[str, ...]:
    """Return the cells of a row, with line breaks before intervals and the wrong-source score.

    There is no room for the foreground column, which the other formats have.
    """
    coverage = row.coverage
    return (
        ("*" if row.pareto else "") + ("i" if row.imported else ""),
        plain(row.label),
        *(_number(row.cells[name], name in RANKING) for name in columns),
        *(["\n".join(number(row.cells[name].mean) for name in floors)] if floors else []),
        *(_selectivity(row.selectivity.get(name)) for name in against),
        f"{coverage.done - coverage.unscored}/{coverage.expected}"
        + (f"\n{percent(row.marked_share)} marked" if row.marked_share else ""),
        NONE if row.seconds is None else f"{row.seconds:.1f}",
        NONE if row.peak_gib is None else f"{row.peak_gib:.1f}",
    )


def _number(cell: Cell, axis: bool) -> str:
    """Format a mean; on an axis with its rank in brackets and its interval on a second line."""
    if not axis:
        return number(cell.mean)
    first = number(cell.mean) + ("" if cell.rank is None else f" ({rank_text(cell.rank)})")
    if cell.interval is None:
        return first
    low, high = (number(end) for end in cell.interval)
    return f"{first}\n{low}..{high}"


def _selectivity(found: Selective | None) -> str:
    """Format selectivity with its interval on a second line; a dash if it was not measured."""
    return NONE if found is None else _number(Cell(mean=found.mean, interval=found.interval), True)


def _width(cells: Iterable[list[str]]) -> int:
    return max(len(line) for lines in cells for line in [*lines, ""])
