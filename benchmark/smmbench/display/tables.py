"""Tables that fit the terminal: rows that are too wide are printed as blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smmbench.display.printing import console

if TYPE_CHECKING:
    from rich.table import Table

ROOM = 16
"""Columns that text needs at least, to be folded and still be read."""


def print_table(table: Table) -> None:
    """Print a table, or one block per row if the terminal is too narrow.

    Names are never folded: a column that is not to be wrapped (`no_wrap`) keeps its width, and so
    does every column but the last, which may hold prose.

    Args:
        table: Of text cells, with a heading for each column.
    """
    from rich.measure import Measurement
    from rich.table import Table as RichTable
    from rich.text import Text

    out = console()
    widths = [
        max(Measurement.get(out, out.options, cell).maximum for cell in (column.header, *cells))
        for column in table.columns
        for cells in [list(column.cells)]
    ]
    last = table.columns[-1]
    if not last.no_wrap:
        widths[-1] = min(widths[-1], ROOM)
    if sum(widths) + _between(table) <= out.width:
        for column in table.columns[:-1]:
            column.no_wrap = True
        if not last.no_wrap:
            last.overflow = "fold"
        out.print(table, markup=False)
        return
    if table.title:
        out.print(Text(str(table.title)))
    for row in zip(*(list(column.cells) for column in table.columns), strict=True):
        block = RichTable.grid(padding=(0, 2, 0, 0))
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")
        for column, cell in zip(table.columns, row, strict=True):
            if cell != "":
                block.add_row(column.header, cell)
        out.print(block, markup=False)
        out.print()
    if table.caption:
        out.print(Text(str(table.caption)))


def _between(table: Table) -> int:
    """Columns that stand between cells, and at both edges."""
    count = len(table.columns)
    _, right, _, left = table.padding
    padding = count * (left + right)
    if table.collapse_padding or not table.pad_edge:
        padding -= left + right
    return padding + (count + 1 if table.box else 0)
