"""Tables that fit the terminal: what has no room side by side stands one below the other.

Three forms, the first that has room: a table; a table of names and numbers with each row's prose
below it; a block of lines for each row. Names and numbers are never folded.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from smmbench.display.printing import console

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Column, Table

ROOM = 16
"""Columns that text needs at least, to be folded and still be read."""
GAP = "  "
WORD = 32
"""Longest word that is never folded; longer ones are paths, hashes and lists without blanks."""


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal; see `fitted`."""
    out = console()
    out.print(*fitted(table, out.width), sep="\n", markup=False)


def fitted(table: Table, width: int) -> list[RenderableType]:
    """Fit a table into a width, in one of three forms.

    Prose is folded between words: columns with `overflow="fold"`, and the last one if it is not
    `no_wrap`.

    Args:
        table: Of text cells, with a heading for each column. Its columns are changed.
        width: Columns of the terminal.

    Returns:
        What to print, one below the other.
    """
    prose = [column for column in table.columns if column.overflow == "fold"]
    if table.columns[-1] not in prose and not table.columns[-1].no_wrap:
        prose.append(table.columns[-1])
    names = [column for column in table.columns if column not in prose]
    least = [_least(column) for column in prose]
    room = width - _between(table) - sum(least)
    free = room - sum(_most(column) for column in names)
    headings = [column.header for column in table.columns]
    if free < 0:
        for column in names:
            column.header = _folded(column)
        free = room - sum(_most(column) for column in names)
    if free < 0:
        for column, heading in zip(table.columns, headings, strict=True):
            column.header = heading
        lines = any("\n" in line for column in names for line in map(str, column.cells))
        beside = sum(_most(column) + len(GAP) for column in names) - len(GAP)
        return _blocks(table) if lines or not names or beside > width else _stacked(table, prose)
    for column in names:
        column.no_wrap = True
    most = [_most(column) for column in prose]
    for column, chosen in zip(prose, shared_out(least, most, free), strict=True):
        column.width, column.overflow = chosen, "fold"
    return [table]


def shared_out(least: Sequence[int], most: Sequence[int], free: int) -> list[int]:
    """Share columns out: each gets what it needs at least, and an equal part of what is free.

    Those that need less than their part leave the rest to the others; none gets more than it can
    use.
    """
    widths = list(least)
    by_need = sorted(range(len(widths)), key=lambda place: most[place] - least[place])
    for done, place in enumerate(by_need):
        given = min(most[place] - least[place], free // (len(widths) - done))
        widths[place] += given
        free -= given
    return widths


def _folded(column: Column) -> RenderableType:
    """A heading between whose words there are line breaks, where it is wider than the cells."""
    from rich.cells import cell_len
    from rich.text import Text

    cells = [cell_len(line) for cell in column.cells for line in str(cell).split("\n")]
    words = str(column.header).split()
    width = max([*cells, *map(cell_len, words)], default=0)
    lines = textwrap.wrap(" ".join(words), max(width, 1), break_on_hyphens=False)
    style = column.header.style if isinstance(column.header, Text) else ""
    return Text("\n".join(lines), style)


def _lines(column: Column) -> list[str]:
    return [line for cell in (column.header, *column.cells) for line in str(cell).split("\n")]


def _most(column: Column) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for line in _lines(column))


def _least(column: Column) -> int:
    """Width that prose needs: its longest word of usual length, and some room for others."""
    from rich.cells import cell_len

    word = max((cell_len(word) for line in _lines(column) for word in line.split()), default=0)
    return min(_most(column), max(ROOM, min(word, WORD)))


def _stacked(table: Table, prose: Sequence[Column]) -> list[RenderableType]:
    """Names and numbers side by side; below each row its prose, further in.

    Where the first column is prose, it stands above the row's numbers.
    """
    from rich.padding import Padding
    from rich.text import Text

    def text(cell: RenderableType, style: str = "") -> Text:
        return cell.copy() if isinstance(cell, Text) else Text(str(cell), style)

    def aligned(cell: RenderableType, column: Column, style: str = "") -> Text:
        made = text(cell, style)
        made.align("right" if column.justify == "right" else "left", _most(column))
        return made

    names = [place for place, column in enumerate(table.columns) if column not in prose]
    columns = [table.columns[place] for place in names]
    heading = Text(GAP).join(aligned(column.header, column, "bold") for column in columns)
    heading.rstrip()
    parts: list[RenderableType] = [Text(str(table.title))] if table.title else []
    parts.append(heading)
    for row in zip(*(list(column.cells) for column in table.columns), strict=True):
        line = Text(GAP).join(aligned(row[place], table.columns[place]) for place in names)
        line.rstrip()
        leading = table.columns[0] in prose
        parts += [text(row[0]), line] if leading else [line]
        for place, column in enumerate(table.columns):
            if column in prose and str(row[place]) and not (leading and place == 0):
                said = text(row[place])
                if len(prose) > 1:
                    said = Text.assemble(f"{column.header}: ", said)
                parts.append(Padding(said, (0, 0, 0, 4), expand=False))
    return [*parts, Text(str(table.caption))] if table.caption else parts


def _blocks(table: Table) -> list[RenderableType]:
    """A block of lines for each row, each line with its column's heading; empty cells have none."""
    from rich.table import Table as RichTable
    from rich.text import Text

    parts: list[RenderableType] = [Text(str(table.title))] if table.title else []
    for row in zip(*(list(column.cells) for column in table.columns), strict=True):
        block = RichTable.grid(padding=(0, 2, 0, 0))
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")
        for column, cell in zip(table.columns, row, strict=True):
            if str(cell):
                block.add_row(column.header, cell)
        parts += [block, Text()]
    return [*parts, Text(str(table.caption))] if table.caption else parts


def _between(table: Table) -> int:
    """Columns that stand between cells, and at both edges."""
    count = len(table.columns)
    _, right, _, left = table.padding
    padding = count * (left + right)
    if table.collapse_padding or not table.pad_edge:
        padding -= left + right
    return padding + (count + 1 if table.box else 0)
