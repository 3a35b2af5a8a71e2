"""Write every pair of a board as a separate row, for your own statistics and plots."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from smmbench.display import csv_cell
from smmbench.storage.atomic import atomic_path
from smmbench_leaderboard.board.types import Board, Pair, Row
from smmbench_leaderboard.formats.csv_ import Value


def pair_rows(board: Board) -> list[dict[str, Value]]:
    """Return one row for each method and pair, in the board's order.

    A column holds what the pair contributes to the mean: its number, or the worst value if it has
    none (see `status`) or is marked (see `marks`). It is None if the pair does not count: in a
    column in which the row has no number, and in scores of unrelated motion without a video.
    """
    return list(_each(board))


def pairs_csv(board: Board) -> str:
    """Write the rows as CSV, with all digits."""
    text = io.StringIO()
    _write_csv(board, text)
    return text.getvalue()


def write_pairs_csv(board: Board, path: Path) -> None:
    """Write the rows as CSV into a file, with one row in memory at a time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _write_csv(board, file)


def pairs_json(board: Board) -> str:
    """Write the rows as a JSON list, in ASCII, so that nothing affects a terminal."""
    return json.dumps(pair_rows(board), indent=1, allow_nan=False) + "\n"


def write_pairs_parquet(board: Board, path: Path) -> None:
    """Write the rows as a Parquet file, completely or not at all.

    Raises:
        ImportError: PyArrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            "Parquet needs PyArrow: install `smmbench[parquet]`, or choose --format csv."
        ) from error
    with atomic_path(path) as temporary:
        parquet.write_table(pyarrow.Table.from_pylist(pair_rows(board)), temporary)


def _each(board: Board) -> Iterator[dict[str, Value]]:
    return (_cells(board, row, pair) for row in board.rows for pair in row.pairs)


def _write_csv(board: Board, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    escaped = lru_cache(maxsize=1024)(csv_cell)  # most cells are those of the row above
    for place, row in enumerate(_each(board)):
        if place == 0:
            writer.writerow(row)
        writer.writerow([escaped(v) if isinstance(v, str) else v for v in row.values()])


def _cells(board: Board, row: Row, pair: Pair) -> dict[str, Value]:
    return {
        "dataset": board.dataset,
        "dataset_version": board.dataset_version,
        "scope": board.scope,
        "method": row.label,
        "kind": row.card.kind,
        "block": row.block,
        "ledger": row.ledger,
        "partial": int(row.partial),
        "clip": pair.clip,
        "edit": pair.edit,
        "seed": pair.seed,
        "status": pair.status,
        "failure": pair.failure,
        "marks": ", ".join(pair.marks),
        "pixels_sha256": pair.pixels_sha256,
        **{column.name: pair.values.get(column.name) for column in board.columns},
    }
