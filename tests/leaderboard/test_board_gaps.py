"""What a board does with numbers that are not there, or are not of one kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from smmbench.results import Score, parameters_sha256, read_scores, write_scores
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.comparison import compare
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats import to_terminal
from smmbench_leaderboard.formats.table import NONE, table_of
from smmbench_leaderboard.provenance.why import why_cell, why_pair

if TYPE_CHECKING:
    from tests.builders.board_tree import BoardTree


def board(tree: BoardTree, *metrics: str) -> Board:
    return make_board(tree.results, str(tree.manifest), metrics=metrics)


def change(tree: BoardTree, below: str, new: Callable[[Score], list[Score]]) -> None:
    """Put other scores in the place of each score of motion below a folder."""
    for file in (tree.results / below).rglob("scores.json"):
        scores = read_scores(file.parent)
        assert scores is not None
        text, motion = scores.scores[:2]
        kept = (text, *new(motion), *scores.scores[2:])
        write_scores(file.parent, scores.model_copy(update={"scores": kept}))


def warp(motion: Score) -> list[Score]:
    return [motion, motion.model_copy(update={"metric": "warp_error", "version": 1, "value": 3.0})]


def detailed(**details: float) -> Callable[[Score], list[Score]]:
    return lambda score: [score.model_copy(update={"details": {**score.details, **details}})]


def under(**origin: Any) -> Callable[[Score], list[Score]]:
    return lambda score: [score.model_copy(update={"origin": {**score.origin, **origin}})]


def test_a_companion_that_was_not_computed_for_a_method_is_no_worst(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.whole("other")
    change(board_tree, "smm", warp)
    made = board(board_tree, "warp_error")
    means = {row.label: row.cells["warp_error"].mean for row in made.rows}
    assert means == {"smm": 3.0, "other": None}
    assert all(
        "warp_error" not in p.values for r in made.rows if r.label == "other" for p in r.pairs
    )
    (note,) = (note for note in made.notes if "Warp" in note)
    assert note.startswith("other: 8 videos have no Warp") and "--metrics warp_error" in note
    assert "worst" not in note
    assert any(NONE in cells for cells in table_of(made).competitors)
    compared = compare(
        board_tree.results, "smm", "other", str(board_tree.manifest), metrics=("warp_error",)
    )
    assert "warp_error" not in {column.column for column in compared.columns}
    assert note in compared.notes
    with pytest.raises(ValueError, match="'warp_error' is not scored yet"):
        why_cell(board_tree.results, "other", "warp_error", str(board_tree.manifest))


def test_a_companion_of_some_videos_counts_as_worst_on_others_and_says_so(
    board_tree: BoardTree,
) -> None:
    board_tree.whole("smm")
    change(board_tree, "smm/toy/clip-0", warp)
    made = board(board_tree, "warp_error")
    assert made.rows[0].cells["warp_error"].mean == pytest.approx((2 * 3 + 6 * 1000) / 8)
    (note,) = (note for note in made.notes if "Warp" in note)
    assert note.startswith("smm: 6 videos have no Warp") and "counts as worst" in note


def test_a_method_without_any_video_counts_as_worst_in_companions(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    change(board_tree, "smm", warp)
    for clip in board_tree.clips:
        for edit in board_tree.edits:
            board_tree.pair("lost", clip, edit, failure="nan")
    board_tree.method("lost")
    (lost,) = (row for row in board(board_tree, "warp_error").rows if row.label == "lost")
    assert lost.cells["warp_error"].mean == 1000


def test_scores_of_unrelated_motion_are_of_the_pairs_that_have_a_video(
    board_tree: BoardTree,
) -> None:
    board_tree.whole("smm")
    change(board_tree, "smm", detailed(floor=0.44, other_sources=0.5))
    board_tree.pair("smm", "clip-0", "dog", failure="nan")
    place = str(board_tree.manifest)
    made = board(board_tree)
    (row,) = made.rows
    assert "Unrelated motion: chance level above, wrong-source score below." in to_terminal(
        made
    )  # as shown
    assert row.cells["floor"].mean == pytest.approx(0.44)  # as stored
    assert row.cells["other_sources"].mean == pytest.approx(0.5)
    assert row.cells["motion_fidelity"].mean == pytest.approx((7 * 0.8 - 1) / 8, abs=0.1)
    found = why_cell(board_tree.results, "smm", "floor", place)
    assert found.sum == pytest.approx(7 * 0.44) and found.worst_pairs == 0
    failed = why_pair(board_tree.results, "smm", "floor", ("clip-0", "dog", 0), place)
    assert failed.counts is None
    board_tree.whole("inversion-swap")
    change(board_tree, "inversion-swap", detailed(floor=0.4))
    compared = compare(board_tree.results, "smm", "inversion-swap", place)
    assert not {"floor", "other_sources"} & {column.column for column in compared.columns}


def test_results_of_another_motion_stand_apart_and_are_said(board_tree: BoardTree) -> None:
    """What was given the clip reversed, or none, never enters a mean or a rank of the others."""
    for label, motion in (("good", 0.9), ("bad", 0.2)):
        board_tree.method(label)
        for clip in board_tree.clips:
            board_tree.pair(label, clip, "dog", motion=motion)
    before = board(board_tree)
    for clip in board_tree.clips:
        board_tree.pair("good", clip, "dog", motion=-1.0, reference="reversed")
        board_tree.pair("bad", clip, "cat", motion=1.0, reference="none")
    after = board(board_tree)
    assert after.rows == before.rows and (after.pairs, after.scope) == (before.pairs, before.scope)
    (apart,) = (note for note in after.notes if "in no mean of this table" in note)
    assert apart.endswith(": bad 4 none; good 4 reversed.")


def test_a_board_of_nothing_but_other_motions_says_so(board_tree: BoardTree) -> None:
    board_tree.method("good")
    board_tree.pair("good", "clip-0", "dog", reference="reversed")
    with pytest.raises(ValueError, match=r"generated from another motion .*\(reversed\)"):
        board(board_tree)


def test_a_video_of_another_prompt_is_no_answer_to_the_edit(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.pair("smm", "clip-1", "cat", record={"prompt": "anything"})
    made = board(board_tree)
    assert (made.pairs, made.dataset_pairs) == (7, 8)
    assert "prompt 'anything'" in made.notes[0] and "'a cat like clip-1'" in made.notes[0]


@pytest.mark.parametrize("name", ["masks", "source_tracks", "other_sources", "pair"])
def test_two_methods_are_held_against_one_truth_of_a_pair(board_tree: BoardTree, name: str) -> None:
    board_tree.whole("a")
    board_tree.whole("b")
    for label in ("a", "b"):  # pairs may differ from each other
        for clip in board_tree.clips:
            change(board_tree, f"{label}/toy/{clip}", under(**{name: f"of {clip}"}))
    assert len(board(board_tree).rows) == 2
    change(board_tree, "b/toy/clip-2", under(**{name: "of before"}))
    with pytest.raises(ValueError, match=rf"do not mix.*clip-2.*{name} .*of clip-2.*of before"):
        board(board_tree)


def weighted(label: str, weights: dict[str, str], **more: Any) -> dict[str, Any]:
    sha256 = parameters_sha256(f"toy:{label}", {}, weights)
    return {"weights": weights, "parameters_sha256": sha256, **more}


def test_a_pair_that_failed_before_the_weights_were_loaded_is_of_the_same_method(
    board_tree: BoardTree,
) -> None:
    board_tree.method("smm")
    for clip in board_tree.clips:
        for edit in board_tree.edits:
            board_tree.pair("smm", clip, edit, record=weighted("smm", {"unet": "a" * 64}))
    board_tree.pair("smm", "clip-0", "dog", failure="method-error")  # knows no weights
    (row,) = board(board_tree).rows
    assert row.coverage.failed == {"method-error": 1}
    other = weighted("smm", {"unet": "b" * 64})
    board_tree.pair("smm", "clip-0", "dog", failure="method-error", record=other)
    with pytest.raises(ValueError, match="different parameters, code or weights"):
        board(board_tree)
    changed = {"parameters": {"axis": 2}, "parameters_sha256": "c" * 64}
    board_tree.pair("smm", "clip-0", "dog", failure="method-error", record=changed)
    with pytest.raises(ValueError, match="different parameters, code or weights"):
        board(board_tree)


def test_scores_against_true_tracks_are_said_to_be_so(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    change(board_tree, "smm", under(source_tracked_by="tracker"))
    assert not any("ground-truth tracks" in note for note in board(board_tree).notes)
    change(board_tree, "smm", under(source_tracked_by="known"))
    assert any(
        "against the sources' ground-truth tracks" in note for note in board(board_tree).notes
    )


def test_a_pair_that_cannot_be_scored_says_why(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    why = "Nothing in the source moves."
    still: dict[str, Any] = {"value": None, "details": {}, "note": why}
    change(board_tree, "smm/toy/clip-1", lambda score: [score.model_copy(update=still)])
    (note,) = (note for note in board(board_tree).notes if "lack a score" in note)
    assert note.startswith("smm: 2 finished pairs") and note.endswith(why)
    assert "smmbench score" not in note


def test_a_narrow_terminal_keeps_names_and_axes(
    board_tree: BoardTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    board_tree.whole("a-long-name-of-a-method")
    change(board_tree, "a-long-name-of-a-method", warp)
    monkeypatch.setenv("COLUMNS", "64")
    text = to_terminal(board(board_tree, "warp_error"))
    assert max(map(len, text.splitlines())) <= 64
    assert "a-long-name" in text and "fidelity" in text and "8/8" in text
    assert "Not shown: " in text and "--format csv" in text
    monkeypatch.setenv("COLUMNS", "160")
    wide = to_terminal(board(board_tree, "warp_error"))
    assert "a-long-name-of-a-method" in wide and "Not shown" not in wide


def test_a_pipe_has_room_for_all(board_tree: BoardTree, monkeypatch: pytest.MonkeyPatch) -> None:
    board_tree.whole("a-long-name-of-a-method")
    change(board_tree, "a-long-name-of-a-method", warp)
    monkeypatch.delenv("COLUMNS", raising=False)
    text = to_terminal(board(board_tree, "warp_error"))
    assert "a-long-name-of-a-method" in text and "GiB" in text and "Not shown" not in text


def test_imports_are_marked_in_a_terminal_too(board_tree: BoardTree) -> None:
    board_tree.whole("elsewhere", kind="imported")
    (line,) = (line for line in to_terminal(board(board_tree)).splitlines() if "8/8" in line)
    assert line.split()[0] == "*i"


def test_an_ending_that_is_no_format_is_refused(
    board_tree: BoardTree, smmbench: Callable[..., tuple[int, str, str]]
) -> None:
    board_tree.whole("smm")
    words = ("leaderboard", board_tree.results, "--dataset", board_tree.manifest, "--output")
    code, _, err = smmbench(*words, board_tree.results.parent / "board.html")
    assert code == 2 and ".md" in err and "--format" in err
    assert smmbench(*words, board_tree.results.parent / "board.md")[0] == 0
