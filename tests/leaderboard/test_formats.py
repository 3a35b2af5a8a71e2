"""A board in every format: the same numbers, and no effect of untrusted names."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smmbench.display import csv_cell, latex, markdown, plain
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.comparison import compare
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats import (
    WRITERS,
    to_cards,
    to_csv,
    to_json,
    to_latex,
    to_markdown,
)
from smmbench_leaderboard.formats.comparing import comparison_text
from smmbench_leaderboard.formats.table import NONE
from smmbench_leaderboard.formats.terminal import to_terminal
from smmbench_leaderboard.ledger.entries import read_board

if TYPE_CHECKING:
    from tests.builders.board_tree import BoardTree

LEDGER = Path(__file__).parents[2] / "leaderboard/entries"

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
HOSTILE = [
    "[bold red]x[/]",
    f"{ESCAPE}red",
    "a|b\n| c",
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.example)",
    r"\input{/etc/passwd} $x$ 50% & _^~#",
    "=HYPERLINK(1)",
    "\u202egnp.exe",
    "x *",
    "x" * 500,
]


@pytest.fixture(scope="module")
def board(board_trees: type[BoardTree], tmp_path_factory: pytest.TempPathFactory) -> Board:
    tree = board_trees(tmp_path_factory.mktemp("board"))
    tree.whole("smm", text=0.31, motion=0.8)
    tree.whole("source-copy", text=0.2, motion=0.99, kind="control")
    return make_board(tree.results, str(tree.manifest))


def renamed(board: Board, name: str) -> Board:
    """The same board, its competitor under another name."""
    row = board.rows[0]
    card = type(row.card)(title=name, kind=row.card.kind)
    rows = (row.model_copy(update={"label": name, "card": card}), *board.rows[1:])
    return board.model_copy(update={"rows": rows, "notes": (f"{name}: a note.",)})


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_has_the_numbers_and_ends_with_a_line(board: Board, form: str) -> None:
    text = WRITERS[form](board)
    assert "0.31" in text and "0.8" in text and "smm" in text
    assert text.endswith("\n")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", WRITERS)
def test_no_sign_of_a_name_acts_on_a_terminal(board: Board, form: str, name: str) -> None:
    text = WRITERS[form](renamed(board, name))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_rich_markup_in_a_name_is_text(board: Board) -> None:
    assert "[bold" in to_terminal(renamed(board, "[bold red]x[/]"))


def test_a_name_cannot_fake_the_mark_of_the_front(board: Board) -> None:
    lines = [line for line in to_markdown(renamed(board, "x *")).splitlines() if "x \\*" in line]
    assert lines[0].startswith(r"| x \* | \* |")  # the mark has a column of its own


@pytest.mark.parametrize("name", HOSTILE)
def test_every_markdown_row_has_the_same_number_of_cells(board: Board, name: str) -> None:
    lines = to_markdown(renamed(board, name)).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert not any("<" in line or re.search(r"(?<!\\)\]\(", line) for line in lines)


@pytest.mark.parametrize("name", HOSTILE)
def test_every_latex_row_has_the_same_number_of_cells(board: Board, name: str) -> None:
    text = to_latex(renamed(board, name))
    rows = [
        line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line
    ]
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
    assert r"\input" not in text
    assert not re.search(r"(?<!\\)[%$#_]", text.replace("1234", ""))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_csv_cell_of_a_name_is_a_formula(board: Board, name: str) -> None:
    table = list(csv.DictReader(io.StringIO(to_csv(renamed(board, name)))))
    assert len(table) == 2
    assert not table[0]["method"].startswith(("=", "+", "-", "@"))


def test_csv_keeps_all_digits_and_negative_numbers(board: Board) -> None:
    table = list(csv.DictReader(io.StringIO(to_csv(board))))
    cell = board.rows[0].cells["motion_fidelity"]
    assert float(table[0]["motion_fidelity"]) == cell.mean
    assert [row["motion_fidelity_rank_worst"] for row in table] == ["1", ""]
    worst = board.rows[0].model_copy(
        update={
            "cells": {
                n: c.model_copy(update={"mean": -1.0}) for n, c in board.rows[0].cells.items()
            }
        }
    )
    text = to_csv(board.model_copy(update={"rows": (worst,)}))
    assert ",-1.0," in text


def test_json_is_the_board(board: Board) -> None:
    assert Board.model_validate_json(to_json(board)) == board
    assert to_json(renamed(board, "é\x9b")).isascii()
    assert json.loads(to_json(board))["protocol"]["frames"] == 4


def test_a_metric_without_any_number_is_a_dash_null_or_empty(board_tree: BoardTree) -> None:
    for label in ("smm", "inversion-swap"):
        board_tree.method(label)
        for clip in board_tree.clips:
            board_tree.pair(label, clip, "dog", None, 0.8)
    made = make_board(board_tree.results, str(board_tree.manifest))
    for text in (WRITERS[form](made) for form in WRITERS):
        assert "-1.0" not in text.replace('"worst": -1.0', "")
    (row,) = (line for line in to_markdown(made).splitlines() if line.startswith("| smm"))
    assert row.startswith(f"| smm |  | {NONE} | {NONE} | 0.800")
    (row,) = (line for line in to_latex(made).splitlines() if line.startswith("{smm}"))
    assert row.startswith(f"{{smm}} & {{}} & {{{NONE}}} & {{{NONE}}} & {{0.800")
    (line,) = (line for line in to_terminal(made).splitlines() if "smm" in line.split())
    assert line.split()[:4] == ["smm", NONE, "0.800", "(1-2)"]
    cells = next(csv.DictReader(io.StringIO(to_csv(made))))
    names = [name for name in cells if name.startswith("text_similarity")]
    assert len(names) == 5 and {cells[name] for name in names} == {""}
    cell = json.loads(to_json(made))["rows"][0]["cells"]["text_similarity"]
    assert cell == {"mean": None, "interval": None, "rank": None}


@pytest.mark.parametrize("path", sorted(LEDGER.glob("*/*.board.xz")), ids=lambda path: path.name)
def test_boards_of_the_ledger_are_written_as_they_were(path: Path) -> None:
    board = read_board(path)
    written = to_json(Board.model_validate_json(json.dumps(board)))
    assert json.loads(written) == board


@pytest.mark.parametrize("name", ["smm", "a-name-that-is-longer-than-its-column-can-be", "x" * 70])
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_name_or_number_is_folded(
    board: Board, monkeypatch: pytest.MonkeyPatch, columns: int, name: str
) -> None:
    """Every name, mean, interval and coverage is one word; columns that are missing are listed."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = to_terminal(renamed(board, name))
    cell = board.rows[0].cells["motion_fidelity"]
    assert cell.interval is not None
    words = text.split()
    interval = f"{cell.interval[0]:.3f}..{cell.interval[1]:.3f}"
    assert {"0.310", "8/8", interval} <= set(words)
    assert name in words or len(name) + len("CLIP text similarity") + 2 > columns
    assert max(map(len, text.splitlines())) <= columns
    assert {"7.0", "1.0"} <= set(words) or "Not shown:" in text


@pytest.mark.parametrize("columns", [80, 90, 100])
def test_scores_of_unrelated_motion_outlast_the_columns_of_details(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """They stand next to the mean that they belong to as long as any other column does."""
    monkeypatch.setenv("COLUMNS", str(columns))
    newest = sorted(LEDGER.glob("emoji/*-record-*.board.xz"))[-1]
    text = to_terminal(Board.model_validate_json(json.dumps(read_board(newest))))
    assert "Unrelated" in text.split("\N{BOX DRAWINGS LIGHT HORIZONTAL}")[0]  # in the heading
    assert "Unrelated motion: chance level above, wrong-source score below." in text
    (dropped,) = (line for line in text.splitlines() if line.startswith("Not shown:"))
    assert "Unrelated motion" not in dropped


def test_a_share_below_the_limit_of_marks_is_not_shown_as_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`flow-still` has 19.7 % marked pairs, and the limit is 20 %; 1 of 234 is not none."""
    monkeypatch.setenv("COLUMNS", "200")
    newest = sorted(LEDGER.glob("emoji/*-record-*.board.xz"))[-1]
    board = Board.model_validate_json(json.dumps(read_board(newest)))
    shares = {row.label: row.marked_share for row in board.rows}
    assert 0.195 < shares["flow-still"] < 0.2 and 0 < shares["motion-clone"] < 0.005
    for text in (to_terminal(board), to_markdown(board)):
        assert "19.7%" in text and "0.4%" in text
        assert " 0% " not in text


def test_a_terminal_shows_selectivity_or_says_that_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = sorted(LEDGER.glob("emoji/*-record-*.board.xz"))[-1]
    board = Board.model_validate_json(json.dumps(read_board(newest)))
    (row,) = (row for row in board.rows if row.label == "smm")
    one = row.selectivity["reversed"]
    assert one.interval is not None
    cells = {f"{one.mean:.3f}", f"{one.interval[0]:.3f}..{one.interval[1]:.3f}"}
    monkeypatch.setenv("COLUMNS", "200")
    assert cells <= set(to_terminal(board).split())
    monkeypatch.setenv("COLUMNS", "70")
    assert "S, reversed" in to_terminal(board).split("Not shown:")[1].split("Use a wider")[0]


def test_controls_stand_apart(board: Board) -> None:
    lines = to_markdown(board).splitlines()
    place = next(i for i, line in enumerate(lines) if "*controls*" in line)
    assert "source-copy" in lines[place + 1]
    assert r"\emph{controls}" in to_latex(board)


def test_part_of_a_set_is_said_in_the_caption(board_tree: BoardTree) -> None:
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog")
    part = make_board(board_tree.results, str(board_tree.manifest))
    for write in (to_markdown, to_terminal, to_latex):
        assert "1 of 8 pairs" in " ".join(write(part).split())


def test_comparison_in_words(board_tree: BoardTree) -> None:
    board_tree.whole("a", motion=0.82)
    board_tree.whole("b", motion=0.80)
    text = comparison_text(compare(board_tree.results, "a", "b", str(board_tree.manifest)))
    assert "+0.020" in text and "8, 0, 0" in text and "8 pairs of 4 clips" in text


def test_escapes() -> None:
    assert plain(" a\n\tb\x1b\u200b ") == "a b\ufffd\ufffd"
    assert len(plain("x" * 500)) == 200
    assert markdown("a|b <i> @me http://x www.y.z *_") == (
        r"a&#124;b &#60;i&#62; &#64;&#8288;me http&#58;//x www&#46;y.z \*\_"
    )
    assert latex(r"\a{b}_%") == r"\textbackslash{}a\{b\}\_\%"
    assert [csv_cell(text) for text in ("=1", "\t=1", "a=1")] == ["'=1", "'=1", "a=1"]
    assert csv_cell("a; =1") == "a; '=1"  # cut at semicolons, it is a cell of its own


def test_a_card_has_its_measured_cost_and_leaves_out_what_is_not_known(board: Board) -> None:
    row = board.rows[0]
    card = type(row.card)(title="SMM", backbone="a UNet", tuned="eight | settings")
    rows = (row.model_copy(update={"card": card, "parameters": {"steps": 5}}), *board.rows[1:])
    text = to_cards(board.model_copy(update={"rows": rows}))
    assert "### smm: SMM" in text and "- Backbone: a UNet" in text
    assert "- Presets: eight &#124; settings" in text
    assert "- Parameters here: steps=5" in text
    assert f"- Seconds per pair: {row.seconds:.3g}, measured" in text
    assert "- Peak memory: 1.0 GiB, measured" in text
    assert "Paper" not in text and "Original" not in text
