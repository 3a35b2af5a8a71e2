"""Write a board as a LaTeX table, which needs the package `booktabs`."""

from __future__ import annotations

from collections.abc import Iterable

from smmbench.display import latex
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats.table import table_of


def to_latex(board: Board) -> str:
    """Write methods, controls and partial rows with rules between them, and the caption."""
    table = table_of(board)
    width = len(table.header)
    lines = [
        r"\begin{table}",
        r"\centering",
        r"\begin{tabular}{l" + "r" * (width - 1) + "}",
        r"\toprule",
        _line(table.header),
    ]
    for name, rows in table.sections:
        if not rows:
            continue
        lines.append(r"\midrule")
        if name:
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\emph{{{latex(name)}}}}} \\")
        lines += [_line(row) for row in rows]
    caption = " ".join(latex(sentence, longest=1000) for sentence in table.caption)
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{caption}}}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    # Braces, because LaTeX reads a "[" after the end of a row as an argument of that end.
    return " & ".join(f"{{{latex(cell)}}}" for cell in cells) + r" \\"
