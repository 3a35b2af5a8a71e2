"""The small site in the repository: it shows the rows that stand in the ledger, and stays small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smmbench_leaderboard.board.build import ledger_board

LEADERBOARD = Path(__file__).parents[2] / "leaderboard"
PAGES, ENTRIES = LEADERBOARD / "pages", LEADERBOARD / "entries"
AGAIN = "smmbench site --ledger published --small -o leaderboard/pages"


def shown(dataset: str) -> dict[str, Any]:
    """The board of a dataset on the pages; the first board is at the top."""
    for path in (PAGES / "board.json", PAGES / dataset / "board.json"):
        if path.is_file():
            board: dict[str, Any] = json.loads(path.read_bytes())
            if board["dataset"] == dataset:
                return board
    pytest.fail(f"The pages have no board of '{dataset}'. Run: {AGAIN}")


def test_the_pages_stay_small() -> None:
    size = sum(path.stat().st_size for path in PAGES.rglob("*") if path.is_file())
    assert size < 10 << 20


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["emoji", "emoji-wan"])
def test_the_pages_show_the_rows_of_the_ledger(dataset: str) -> None:
    board = ledger_board(ENTRIES, dataset)
    stands = {row.label: row for row in board.rows}
    rows = {row["label"]: row for row in shown(dataset)["rows"]}
    assert rows.keys() == stands.keys(), f"The pages are older than the ledger. Run: {AGAIN}"
    for label, row in rows.items():
        assert row["records_sha256"] == stands[label].records_sha256, f"{label}. Run: {AGAIN}"
        means = {name: cell.mean for name, cell in stands[label].cells.items()}
        assert {name: cell["mean"] for name, cell in row["cells"].items()} == pytest.approx(means)
