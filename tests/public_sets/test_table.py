"""The page on public sets says what the code reads."""

from __future__ import annotations

from pathlib import Path

from smmbench.public_sets import PUBLIC_SETS
from smmbench.public_sets.table import layout_table

PAGE = Path(__file__).parents[2] / "benchmark" / "docs" / "public-sets.md"


def test_the_page_has_the_table_of_the_code() -> None:
    table = layout_table()
    assert table in PAGE.read_text(encoding="utf-8")
    assert len(table.splitlines()) == len(PUBLIC_SETS) + 2
