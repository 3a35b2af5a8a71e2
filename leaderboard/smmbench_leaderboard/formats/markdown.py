"""Write a board as a Markdown table, in GitHub's form."""

from __future__ import annotations

from collections.abc import Iterable

from smmbench.display import markdown
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats.table import table_of


def to_markdown(board: Board) -> str:
    """Write methods, controls and partial rows in one table, with the caption below it."""
    table = table_of(board)
    width = len(table.header)
    lines = [_line(table.header), "|---" + "|--:" * (width - 1) + "|"]
    for name, rows in table.sections:
        if rows and name:
            lines.append(f"| *{markdown(name)}*" + " | " * (width - 1) + " |")
        lines += [_line(row) for row in rows]
    lines.append("")
    lines += [f"{markdown(sentence, longest=1000)}  " for sentence in table.caption]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(markdown(cell) for cell in cells) + " |"
