"""Tables of any width: nothing is cut, names are not folded, and everything is shown."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from smmbench.display import console, fitted
from smmbench.display.tables import shared_out

NAMES = ("a-method-of-a-rather-long-name", "smm")
PROSE = "words that say at some length what a method of this name does with its clips"


def _table() -> Table:
    table = Table("method", "score", "what it does", "from", box=None)
    table.columns[1].justify = "right"
    table.columns[2].overflow = "fold"
    table.columns[3].no_wrap = True
    for name in NAMES:
        table.add_row(name, Text("0.123"), PROSE, "smmbench")
    return table


def _printed(table: Table, width: int) -> str:
    file = io.StringIO()
    console(file=file, width=width).print(*fitted(table, width), sep="\n")
    return file.getvalue()


@pytest.mark.parametrize("width", [24, 46, 60, 80, 120, 240])
def test_nothing_is_lost_or_folded_in_any_width(width: int) -> None:
    text = _printed(_table(), width)
    assert max(map(len, text.splitlines())) <= max(width, len(NAMES[0]) + len("what it does") + 2)
    words = text.split()
    for name in NAMES if width >= 46 else NAMES[1:]:
        assert name in words
    for word in ("method", "score", "0.123", "smmbench", *PROSE.split()):
        assert word in words or f"{word}:" in words
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


@pytest.mark.parametrize(
    ("width", "first"),
    [
        (80, ["method", "score", "what", "it", "does", "from"]),
        (60, ["method", "score", "from"]),
        (44, ["method", NAMES[0]]),
    ],
)
def test_the_form_goes_by_the_width(width: int, first: list[str]) -> None:
    assert _printed(_table(), width).splitlines()[0].split() == first


def test_a_wide_terminal_takes_no_more_than_the_text_needs() -> None:
    lines = _printed(_table(), 240).splitlines()
    assert len(lines) == 1 + len(NAMES)


def test_title_and_caption_are_in_every_form() -> None:
    for width in (120, 60, 24):
        table = _table()
        table.title, table.caption = "Title", "Caption"
        text = _printed(table, width)
        assert "Title" in text and "Caption" in text


def test_headings_are_folded_before_rows_become_blocks() -> None:
    table = Table("method", "a heading of words", box=None)
    table.columns[1].no_wrap = True
    table.add_row("smm", "0.123")
    *heading, row = [line.split() for line in _printed(table, 20).splitlines()]
    assert row == ["smm", "0.123"]
    words = sorted(word for line in heading for word in line)
    assert len(heading) > 1 and words == ["a", "heading", "method", "of", "words"]


def test_prose_in_front_stands_above_its_numbers() -> None:
    table = Table("what was measured", "a-long-name", "another-long-name", box=None)
    table.columns[0].overflow = "fold"
    table.columns[2].no_wrap = True
    table.add_row("The fidelity of motion", "0.123", "0.456")
    lines = [" ".join(line.split()) for line in _printed(table, 36).splitlines()]
    assert lines == ["a-long-name another-long-name", "The fidelity of motion", "0.123 0.456"]


WIDTHS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=6)


@given(WIDTHS, st.integers(0, 200))
def test_widths_are_shared_out(widths: list[tuple[int, int]], free: int) -> None:
    least = [low for low, _ in widths]
    most = [low + more for low, more in widths]
    given_out = shared_out(least, most, free)
    assert all(low <= got <= high for low, got, high in zip(least, given_out, most, strict=True))
    spent = sum(given_out) - sum(least)
    assert spent == min(free, sum(most) - sum(least))
