"""A board for a terminal."""

from __future__ import annotations

import io
import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from smmbench_leaderboard.escaping import plain
from smmbench_leaderboard.formats.table import table_of
from smmbench_leaderboard.types import Board

NARROWEST = 100  # where no terminal says its width: wide enough for all columns


def to_terminal(board: Board) -> str:
    """Write the table and its caption; in colour only if standard output is a terminal.

    All cells are `Text`: square brackets in a name are no markup.
    """
    table = table_of(board)
    rich_table = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(table.header):
        rich_table.add_column(Text(title), justify="right" if place else "left", overflow="fold")
    for row in table.competitors:
        rich_table.add_row(*(_cell(cell) for cell in row), style="bold" if row[1] else "")
    if table.competitors and table.controls:
        rich_table.add_section()
    for row in table.controls:
        rich_table.add_row(*(_cell(cell) for cell in row), style="dim")
    if table.controls:
        rich_table.caption = "Below the line: controls, whose places are known."
    return drawn(rich_table, *(Text(plain(sentence, longest=400)) for sentence in table.caption))


def _cell(cell: str) -> Text:
    """One cell, its interval on a second line."""
    mean, bracket, interval = plain(cell).partition(" [")
    return Text(f"{mean}\n[{interval}" if bracket and interval.endswith("]") else plain(cell))


def drawn(*parts: RichTable | Text) -> str:
    """Draw for standard output: as wide as the terminal, in colour only if it is one."""
    shown = Console()
    file = io.StringIO()
    console = Console(
        file=file,
        width=shown.width if shown.is_terminal else max(shown.width, NARROWEST),
        force_terminal=sys.stdout.isatty(),
        highlight=False,
    )
    console.print(*parts, sep="\n")
    return file.getvalue()
