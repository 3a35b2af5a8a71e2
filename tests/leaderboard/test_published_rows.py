"""Published rows beside one's own: the same numbers, the same rules, and nothing mixed unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.builders.board_tree import BoardTree
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench_leaderboard.board.build import ledger_board, make_board
from smmbench_leaderboard.board.comparison import compare
from smmbench_leaderboard.board.frame import board_frame, ledger_frame
from smmbench_leaderboard.board.joining import beside
from smmbench_leaderboard.board.published import read_published_board
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.formats import WRITERS, to_json
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.entries import EntryFacts, Notice, add_notice
from smmbench_leaderboard.ledger.location import ledger_folder

PUBLISHED = Path(__file__).parents[2] / "leaderboard/entries"
FIRST, SECOND = "2026-01-01-first", "2026-02-01-second"


def publish(
    ledger: Path, board: Board, name: str = FIRST, change: Any = None, **facts: Any
) -> Path:
    content = json.loads(to_json(board))
    if change:
        change(content)
    path = ledger.parent / f"{name}.json"
    path.write_text(json.dumps(content))
    return add_board(ledger, name, path, EntryFacts(**facts))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with one entry: `good`, `bad` and the control `copy`, of every pair."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    tree = BoardTree(folder, clips=8)
    tree.whole("good", text=0.3, motion=0.9)
    tree.whole("bad", text=0.3, motion=0.2)
    tree.whole("copy", text=0.1, motion=0.9, kind="control")
    path = tmp_path / "ledger"
    publish(path, make_board(tree.results, str(tree.manifest)), tier="recomputed")
    return path


@pytest.fixture
def own(tmp_path: Path) -> BoardTree:
    folder = tmp_path / "own"
    folder.mkdir()
    return BoardTree(folder, clips=8)


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*/*.board.xz")), ids=lambda p: p.stem)
def test_columns_of_every_entry_have_the_titles_of_today(path: Path) -> None:
    """An entry stores the titles of its time, and one number has one name for readers."""
    board, _ = read_published_board(path)
    titles = {column.name: column.title for column in board.columns}
    assert titles.get("floor", "Chance level") == "Chance level"
    assert titles.get("other_sources", "Wrong-source score") == "Wrong-source score"
    assert len(set(titles.values())) == len(titles)


def unpublished(board: Board) -> Board:
    """The board as those who made it would have written it."""
    of = {"ledger": "", "tier": ""}
    return board.model_copy(update={"rows": tuple(row.model_copy(update=of) for row in board.rows)})


def joined(tree: BoardTree, ledger: Path, **options: Any) -> Board:
    return make_board(tree.results, str(tree.manifest), ledger=ledger, **options)


def rows(board: Board) -> dict[str, Row]:
    return {row.label: row for row in board.rows}


def test_a_published_row_stands_as_if_it_had_been_run_here(own: BoardTree, ledger: Path) -> None:
    own.whole("mine", text=0.3, motion=0.6)
    with_ledger = rows(joined(own, ledger))
    own.whole("good", text=0.3, motion=0.9)
    own.whole("bad", text=0.3, motion=0.2)
    own.whole("copy", text=0.1, motion=0.9, kind="control")
    here = rows(make_board(own.results, str(own.manifest)))
    assert with_ledger.keys() == {"mine", "ledger:good", "ledger:bad", "ledger:copy"}
    for label, row in here.items():
        other = with_ledger.get(f"ledger:{label}") or with_ledger["mine"]
        assert other.cells == row.cells  # means, intervals and ranks
        assert other.pareto == row.pareto and other.coverage == row.coverage
        assert [pair.values for pair in other.pairs] == [pair.values for pair in row.pairs]
    good = with_ledger["ledger:good"]
    assert (good.ledger, good.tier) == (f"toy/{FIRST}.board.xz", "recomputed")
    assert (with_ledger["mine"].ledger, with_ledger["mine"].tier) == ("", "")


def test_a_comparison_with_a_published_row_is_that_of_the_same_pairs(
    own: BoardTree, ledger: Path
) -> None:
    own.whole("mine", motion=0.6)
    found = compare(own.results, "mine", "ledger:good", str(own.manifest), ledger=ledger)
    own.whole("good", motion=0.9)
    own.whole("bad", text=0.3, motion=0.2)
    here = compare(own.results, "mine", "good", str(own.manifest))
    assert found.columns == here.columns and found.ranked == here.ranked == 3
    assert any("tier recomputed" in note for note in found.notes)


def test_a_row_of_few_pairs_stands_apart_and_is_compared_over_those(
    own: BoardTree, ledger: Path
) -> None:
    own.method("mine")
    for clip in own.clips[:3]:
        own.pair("mine", clip, "dog")
    found = rows(joined(own, ledger))
    assert found["mine"].partial and not found["ledger:good"].partial
    assert found["ledger:good"].cells["motion_fidelity"].rank == (1, 1)
    comparison = compare(own.results, "mine", "ledger:good", str(own.manifest), ledger=ledger)
    assert (comparison.pairs, comparison.scope) == (3, "shared")


def test_a_published_row_of_few_pairs_stands_apart(own: BoardTree, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    tree = BoardTree(folder, clips=8)
    tree.method("short")
    for clip in tree.clips[:3]:
        tree.pair("short", clip, "dog", motion=0.7)
    publish(tmp_path / "ledger", make_board(tree.results, str(tree.manifest)))
    own.whole("mine")
    row = rows(joined(own, tmp_path / "ledger"))["ledger:short"]
    assert row.partial and row.cells["motion_fidelity"].rank is None
    assert (row.coverage.done, row.coverage.missing) == (3, 13)
    full = rows(joined(own, tmp_path / "ledger", scope="full"))["ledger:short"]
    assert full.cells["motion_fidelity"].mean == pytest.approx((3 * 0.7 - 13) / 16)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("version", 1, "retired, as it was scored under version 1 of motion_fidelity"),
        ("conditions", {"weights": "other"}, "motion_fidelity was scored under another"),
    ],
)
def test_what_was_scored_otherwise_is_said_and_not_mixed(
    own: BoardTree, ledger: Path, tmp_path: Path, key: str, value: object, why: str
) -> None:
    def change(content: dict[str, Any]) -> None:
        for column in content["columns"]:
            if column["metric"] == "motion_fidelity":
                column[key] = value

    other = tmp_path / "other"
    publish(other, unpublished(ledger_board(ledger, str(own.manifest))), change=change)
    own.whole("mine")
    board = joined(own, other)
    assert set(rows(board)) == {"mine"}
    (note,) = [note for note in board.notes if "Ledger" in note]
    assert why in note and "its 3 rows are not shown" in note


def test_opencv_within_one_range_is_the_same_condition(own: BoardTree, tmp_path: Path) -> None:
    origin = {"tracker": {"tracker": "dis", "opencv": "4.11.0"}}
    tree = BoardTree(tmp_path, clips=8)
    tree.method("theirs")
    own.method("mine")
    own.method("newer")
    for clip in tree.clips:
        for edit in tree.edits:
            tree.pair("theirs", clip, edit, origin=origin)
            own.pair(
                "mine", clip, edit, origin={"tracker": origin["tracker"] | {"opencv": "4.13.0"}}
            )
    publish(tmp_path / "ledger", make_board(tree.results, str(tree.manifest)))
    assert set(rows(joined(own, tmp_path / "ledger"))) == {"mine", "ledger:theirs"}
    for clip in own.clips:
        for edit in own.edits:
            own.pair(
                "newer", clip, edit, origin={"tracker": origin["tracker"] | {"opencv": "5.0.0"}}
            )
    with pytest.raises(ValueError, match="opencv"):  # 5.0.0 gives other tracks
        joined(own, tmp_path / "ledger")


def test_withdrawn_corrected_and_older_rows_are_said(own: BoardTree, ledger: Path) -> None:
    whole = unpublished(ledger_board(ledger, str(own.manifest)))

    def rename(content: dict[str, Any]) -> None:
        content["rows"] = [row for row in content["rows"] if row["label"] != "copy"]

    publish(ledger, whole, SECOND, rename, tier="organisers", by="me")
    reason: dict[str, Any] = {"reason": "A fault.", "by": "me"}
    add_notice(
        ledger, "2026-03-01-out", Notice(of=f"toy/{SECOND}.board.xz", method="bad", **reason)
    )
    own.whole("mine")
    board = joined(own, ledger)
    found = rows(board)
    assert found["ledger:good"].ledger == f"toy/{SECOND}.board.xz"
    assert found["ledger:good"].tier == "organisers"
    assert found["ledger:bad"].ledger == f"toy/{FIRST}.board.xz"  # the withdrawn one is not shown
    assert any("bad is not shown: withdrawn: A fault." in note for note in board.notes)
    assert any("good is not shown: submitted again since" in note for note in board.notes)


def test_rows_of_many_earlier_entries_are_counted_in_one_note(own: BoardTree, ledger: Path) -> None:
    whole = unpublished(ledger_board(ledger, str(own.manifest)))
    for day in ("2026-02-20", "2026-03-20"):
        publish(ledger, whole, f"{day}-again", tier="organisers", by="me")
    own.whole("mine")
    (note,) = [note for note in joined(own, ledger).notes if "Ledger" in note]
    assert note.startswith("Ledger, 2 earlier entries: 6 rows are not shown: submitted again since")


def test_entries_that_lose_the_same_row_share_a_note(own: BoardTree, ledger: Path) -> None:
    whole = unpublished(ledger_board(ledger, str(own.manifest)))
    publish(ledger, whole, SECOND, tier="organisers", by="me")
    for entry in (FIRST, SECOND):
        of = f"toy/{entry}.board.xz"
        notice = Notice(of=of, method="bad", reason="A fault.", by="me")
        add_notice(ledger, f"2026-03-01-{entry[-3:]}", notice)
    own.whole("mine")
    (note,) = [note for note in joined(own, ledger).notes if "A fault." in note]
    assert f"toy/{FIRST}" in note and f"toy/{SECOND}" in note
    assert "bad is not shown: withdrawn" in note


def test_the_last_notice_of_a_tier_holds(own: BoardTree, ledger: Path) -> None:
    reason: dict[str, Any] = {"reason": "Made again here.", "by": "me"}
    of = f"toy/{FIRST}.board.xz"
    add_notice(ledger, "2026-03-01-t", Notice(of=of, method="good", tier="regenerated", **reason))
    frame = ledger_frame(ledger, str(own.manifest)).set_index("method")
    assert frame.loc["good", "tier"] == "regenerated"
    assert frame.loc["bad", "tier"] == "recomputed"


def test_the_frame_of_a_ledger_is_that_of_a_results_folder(own: BoardTree, ledger: Path) -> None:
    own.whole("good", text=0.3, motion=0.9)
    own.whole("bad", text=0.3, motion=0.2)
    own.whole("copy", text=0.1, motion=0.9, kind="control")
    theirs, ours = (
        ledger_frame(ledger, str(own.manifest)),
        board_frame(own.results, str(own.manifest)),
    )
    apart = ["ledger", "tier"]
    assert theirs.drop(columns=apart).equals(ours.drop(columns=apart))
    assert set(theirs["tier"]) == {"recomputed"} and set(ours["tier"]) == {""}


def test_every_format_marks_the_rows_of_the_ledger(own: BoardTree, ledger: Path) -> None:
    own.whole("mine")
    board = joined(own, ledger)
    for name, write in WRITERS.items():
        text = write(board)
        assert "ledger:good" in text and "recomputed" in text, name
    plain = make_board(own.results, str(own.manifest))
    assert "tier" not in json.loads(to_json(plain))["rows"][0]
    assert "Tier" not in WRITERS["markdown"](plain)


def test_without_results_the_published_rows_stand_alone(
    own: BoardTree, ledger: Path, tmp_path: Path
) -> None:
    board = make_board(tmp_path / "none", str(own.manifest), ledger=ledger)
    assert set(rows(board)) == {"ledger:good", "ledger:bad", "ledger:copy"}
    assert any("no results folder" in note for note in board.notes)
    (tmp_path / "none").mkdir()
    empty = make_board(tmp_path / "none", str(own.manifest), ledger=ledger)
    assert set(rows(empty)) == set(rows(board))
    assert any("No results in" in note for note in empty.notes)
    with pytest.raises(LookupError, match="or the ledger"):
        make_board(tmp_path / "none", str(own.manifest), ledger=ledger, methods=["godo"])


def test_results_of_another_dataset_leave_the_published_rows_alone(own: BoardTree) -> None:
    own.whole("mine")
    with pytest.raises(ValueError, match="has no results of 'emoji', but of toy"):
        make_board(own.results, "emoji")
    results, published = beside(own.results, PUBLISHED, "emoji")
    assert not results.found
    assert {one.row.ledger.split("/")[0] for one in published.rows} == {"emoji"}
    assert published.notes[0].startswith("Published rows only.")
    assert "but of toy" in published.notes[0]


def test_rows_are_chosen_by_their_labels(own: BoardTree, ledger: Path) -> None:
    own.whole("mine")
    assert set(rows(joined(own, ledger, methods=["mine", "ledger:good"]))) == {
        "mine",
        "ledger:good",
    }
    assert "ledger:bad" not in rows(joined(own, ledger, exclude=["ledger:bad"]))
    assert set(rows(joined(own, ledger, exclude=["mine"]))).isdisjoint({"mine"})


def test_a_board_with_rows_of_a_ledger_is_no_entry(own: BoardTree, ledger: Path) -> None:
    own.whole("mine")
    with pytest.raises(ValueError, match="already published"):
        publish(ledger, joined(own, ledger), SECOND)


def test_commands_take_the_bundled_ledger(tmp_path: Path) -> None:
    assert ledger_folder("published") == PUBLISHED
    with pytest.raises(ValueError, match="No ledger"):
        ledger_folder(tmp_path / "none")
    words = ["leaderboard", str(tmp_path / "none"), "--ledger", "published", "--dataset", "emoji"]
    words += ["--methods", "ledger:smm,ledger:moft", "--format", "csv"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "ledger:smm," in result.output and "ledger:moft," in result.output


@pytest.mark.slow
def test_the_published_ledger_stands_beside_scores_of_today() -> None:
    """Its newest board is not retired by the metrics of this version, nor by the text model."""
    board = ledger_board(PUBLISHED, "emoji")
    assert len(board.rows) >= 23 and board.pairs == 234
    assert {row.block for row in board.rows if not row.control} == {"unet-3d, text"}


def test_confirmed_settings_are_said_and_others_are_listed(own: BoardTree, ledger: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        good, bad, _ = sorted(content["rows"], key=lambda row: str(row["label"] != "good"))
        good |= {"entry": "smmbench.smm:SMM"}
        good["card"] |= {"approved_by": "G. Good"}
        bad |= {"entry": "smmbench_baselines.vmc:VMC"}

    other = ledger.parent / "other"
    publish(other, unpublished(ledger_board(ledger, str(own.manifest))), change=change)
    own.whole("mine")
    notes = " ".join(joined(own, other).notes)
    assert "ledger:good (author-approved): G. Good confirmed its settings." in notes
    assert "not yet confirmed by the methods' authors: ledger:bad;" in notes
