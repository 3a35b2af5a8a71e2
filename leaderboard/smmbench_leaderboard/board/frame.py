"""The board as a data frame, for `smmbench.board`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from smmbench_leaderboard.board.build import ledger_board, make_board
from smmbench_leaderboard.board.types import Board, Row


def board_frame(root: Path, dataset: str | None = None, **options: Any) -> pd.DataFrame:
    """Make the board of a results folder; `options` are those of `make_board`.

    Returns:
        One row per method, in the board's order; `attrs` holds the dataset's name and the notes.
    """
    return frame_of(make_board(root, dataset, **options))


def ledger_frame(ledger: Path, dataset: str | None = None, **options: Any) -> pd.DataFrame:
    """Make the board of a ledger's current rows only; `options` are those of `ledger_board`.

    Returns:
        As for `board_frame`; `ledger` names the entry of each row, and `tier` its trust tier.
    """
    return frame_of(ledger_board(ledger, dataset, **options))


def frame_of(board: Board) -> pd.DataFrame:
    """Return one row per method, in the board's order."""
    frame = pd.DataFrame([_row(board, row) for row in board.rows])
    frame.attrs = {"dataset": board.dataset, "notes": list(board.notes)}
    return frame


def _row(board: Board, row: Row) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for column in board.columns:
        cell = row.cells[column.name]
        low, high = cell.interval or (None, None)
        best, worst = cell.rank if isinstance(cell.rank, tuple) else (cell.rank, cell.rank)
        cells |= {
            column.name: cell.mean,
            f"{column.name}_low": low,
            f"{column.name}_high": high,
            f"{column.name}_best_rank": best,
            f"{column.name}_worst_rank": worst,
        }
    return {
        "method": row.label,
        "title": row.card.title,
        "kind": row.card.kind,
        **cells,
        "front": row.pareto,
        "partial": row.partial,
        "pairs_done": row.coverage.done,
        "pairs_expected": row.coverage.expected,
        "ledger": row.ledger,
        "tier": row.tier,
        "marked_share": row.marked_share,
        "seconds": row.seconds,
        "peak_gib": row.peak_gib,
    }
