"""Write a board as CSV: one number per cell with all digits, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io

from smmbench.display import csv_cell
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.formats.table import against_of

Value = str | int | float | None


def to_csv(board: Board) -> str:
    """Write one line per method; an empty cell is a missing number."""
    rows = [_cells(board, row) for row in board.rows]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([csv_cell(v) if isinstance(v, str) else v for v in r.values()] for r in rows)
    return text.getvalue()


def _cells(board: Board, row: Row) -> dict[str, Value]:
    cells: dict[str, Value] = {
        "method": row.label,
        "title": row.card.title,
        "kind": row.card.kind,
        "imported": int(row.imported),
        "dataset": board.dataset,
        "dataset_version": board.dataset_version,
        "scope": board.scope,
        "pareto": int(row.pareto),
        "partial": int(row.partial),
        "block": row.block,
        "ledger": row.ledger,
        "tier": row.tier,
    }
    for column in board.columns:
        cell = row.cells[column.name]
        low, high = cell.interval or (None, None)
        cells |= {column.name: cell.mean}
        cells |= {f"{column.name}_low": low, f"{column.name}_high": high}
        if column.name in RANKING:
            rank = (cell.rank, cell.rank) if isinstance(cell.rank, int) else cell.rank
            best, worst = rank or (None, None)
            cells |= {f"{column.name}_rank_best": best, f"{column.name}_rank_worst": worst}
    for against in against_of(board):
        one = row.selectivity.get(against)
        low, high = (one.interval if one else None) or (None, None)
        name = f"selectivity_{against}"
        cells |= {name: one.mean if one else None, f"{name}_low": low, f"{name}_high": high}
    coverage = row.coverage
    return cells | {
        "expected": coverage.expected,
        "done": coverage.done,
        "unscored": coverage.unscored,
        "failed": sum(coverage.failed.values()),
        "missing": coverage.missing,
        "marked": sum(bool(pair.marks) for pair in row.pairs),
        "seconds": row.seconds,
        "peak_gib": row.peak_gib,
    }
