"""Methods that are not run here: their cards, and the mark that every table gives them."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smmbench.cli.method_description import describe, describe_all
from smmbench.method import Card
from smmbench.method.imported_card import (
    ImportedCard,
    card_names,
    card_of_label,
    fields_table,
    load_card,
)
from smmbench.resolving import find_method, method_names
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.formats.csv_ import to_csv
from smmbench_leaderboard.formats.latex import to_latex
from smmbench_leaderboard.formats.markdown import to_markdown
from smmbench_leaderboard.formats.terminal import to_terminal

if TYPE_CHECKING:
    from tests.builders.board_tree import BoardTree


@pytest.mark.parametrize("name", card_names())
def test_every_card_is_read_and_says_that_it_is_imported(name: str) -> None:
    card = load_card(name)
    assert card.kind == "imported"
    assert card.paper and card.notes.startswith("Not run here (")
    assert describe(name).card == card


def test_closed_and_absent_methods_are_listed_and_cannot_be_run() -> None:
    kinds = {one.name: one.card.kind for one in describe_all() if one.card}
    assert kinds["gen-1"] == kinds["sa-nla"] == "imported"
    with pytest.raises(LookupError, match="'gen-1' cannot be run here; its videos are imported"):
        find_method("gen-1")
    assert not set(card_names()) & set(method_names())


def test_a_label_finds_its_card() -> None:
    assert card_of_label("tokenflow") == load_card("tokenflow-published")
    assert card_of_label("gen-1") == load_card("gen-1")
    assert card_of_label("nobody") is None


def test_published_outputs_of_the_five_have_cards() -> None:
    from smmbench.dataset import load_dataset

    methods = load_dataset("dmt-page-five").manifest.methods
    assert len(methods) == 5
    assert all(card_of_label(method.name) for method in methods)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 'A'\n", "why: Field required"),
        ("title = 'A'\nwhy = 'lost'\n", "why: Input should be 'elsewhere'"),
        ("title = 'A'\nwhy = 'closed'\nkind = 'method'\n", "kind: 'method' is for your own"),
        ("title", "is not TOML"),
    ],
)
def test_a_wrong_card_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "card.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_card(str(path))
    with pytest.raises(ValueError, match="cannot be read"):
        load_card(str(tmp_path / "none.toml"))


def test_import_takes_a_card(
    square_dataset: Path, tmp_path: Path, smmbench: Callable[..., tuple[int, str, str]]
) -> None:
    import shutil

    from smmbench.results import method_folder, read_method

    outputs, root = tmp_path / "outputs", tmp_path / "results"
    outputs.mkdir()
    shutil.copy(square_dataset.parent / "left.mkv", outputs / "left__cat.mkv")
    words = ("import", outputs, "--dataset", square_dataset, "--output", root)
    smmbench(*words, "--method", "gen-1")
    smmbench(*words, "--method", "other", "--card", "sa-nla")
    for label, card in (("gen-1", "gen-1"), ("other", "sa-nla")):
        file = read_method(method_folder(root, label))
        assert file is not None and file.card == load_card(card)
    code, _, err = smmbench(*words, "--method", "x", "--card", "gen-1", "--title", "X")
    assert code == 2 and "not both" in err


def test_every_table_marks_what_was_imported(board_tree: BoardTree) -> None:
    for label, kind in (("ours", "method"), ("theirs", "imported"), ("sent", "baseline")):
        board_tree.method(label, kind)
        for clip in board_tree.clips:
            for edit in board_tree.edits:
                entry = {"entry": "imported"} if label == "sent" else {}
                board_tree.pair(label, clip, edit, record=entry)
    board = make_board(board_tree.results, str(board_tree.manifest))
    assert {row.label: row.imported for row in board.rows} == {
        "ours": False,
        "theirs": True,
        "sent": True,
    }
    for text in (to_markdown(board), to_latex(board), to_terminal(board)):
        said = " ".join(text.split())
        assert "made elsewhere and imported, not run here" in said
    assert any("theirs (i): made elsewhere" in note for note in board.notes), "so JSON says it too"
    lines = [line.split("|") for line in to_markdown(board).splitlines() if line[:1] == "|"]
    marks = {cells[1].strip(): cells[2].strip().strip("\\*") for cells in lines[2:]}
    assert marks == {"ours": "", "theirs": "i", "sent": "i"}
    header, *rows = to_csv(board).splitlines()
    place = header.split(",").index("imported")
    assert {row.split(",")[0]: row.split(",")[place] for row in rows} == {
        "ours": "0",
        "theirs": "1",
        "sent": "1",
    }


def test_the_page_explains_every_field() -> None:
    page = Path(__file__).parents[2] / "benchmark" / "docs" / "importing.md"
    text = page.read_text(encoding="utf-8")
    assert fields_table() in text
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    card = ImportedCard.model_validate(tomllib.loads(example)).card()
    assert (card.kind, card.family, card.seen) == ("method", "wan", "none")
    assert card.notes == "Not run here (elsewhere)."


def test_every_field_of_a_card_can_be_said_of_imported_videos() -> None:
    names = {field.name for field in dataclasses.fields(Card)}
    assert names <= set(ImportedCard.model_fields)
    said = {name: f"some {name}" for name in names - {"kind", "notes"}}
    card = ImportedCard(**said, kind="method", why="elsewhere", notes="More.").card()
    assert dataclasses.asdict(card) == {
        **said,
        "kind": "method",
        "notes": "Not run here (elsewhere). More.",
    }
