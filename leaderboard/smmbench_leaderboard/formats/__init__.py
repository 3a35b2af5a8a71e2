"""Write a board as text: for a terminal, a page, a paper, a spreadsheet or a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

from smmbench.results import Stored
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats.bibtex import to_bibtex
from smmbench_leaderboard.formats.cards import to_cards
from smmbench_leaderboard.formats.csv_ import to_csv
from smmbench_leaderboard.formats.latex import to_latex
from smmbench_leaderboard.formats.markdown import to_markdown
from smmbench_leaderboard.formats.pairs import pairs_csv, pairs_json
from smmbench_leaderboard.formats.terminal import to_terminal

Format = Literal["rich", "markdown", "latex", "csv", "json", "cards"]

__all__ = [
    "PAIR_WRITERS",
    "WRITERS",
    "Format",
    "to_bibtex",
    "to_cards",
    "to_csv",
    "to_json",
    "to_latex",
    "to_markdown",
    "to_terminal",
]


def to_json(content: Stored) -> str:
    """Write a board, comparison or report as JSON, in ASCII, so that nothing affects a terminal."""
    return json.dumps(content.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"


WRITERS: dict[str, Callable[[Board], str]] = {
    "rich": to_terminal,
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "json": to_json,
    "cards": to_cards,
}

PAIR_WRITERS: dict[str, Callable[[Board], str]] = {"csv": pairs_csv, "json": pairs_json}
"""Formats with one row per pair; Parquet, which is not text, is written by `formats.pairs`."""
