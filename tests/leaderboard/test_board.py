"""A board counts every pair that was asked for, mixes nothing, and says what it left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from smmbench.dataset import load_dataset
from smmbench.method import BackboneUse
from smmbench.rank_intervals import rank_intervals
from smmbench.results import parameters_sha256, read_scores, recorded_parameters, write_scores
from smmbench_leaderboard.board.build import make_board, manifest_sha256
from smmbench_leaderboard.board.comparison import compare
from smmbench_leaderboard.board.ranking import undominated
from smmbench_leaderboard.board.types import Board, Row, Scope
from smmbench_leaderboard.formats.table import table_of

if TYPE_CHECKING:
    from tests.builders.board_tree import BoardTree


def board(tree: BoardTree, scope: Scope | None = None) -> Board:
    return make_board(tree.results, str(tree.manifest), scope)


def rows(tree: BoardTree, scope: Scope | None = None) -> dict[str, Row]:
    return {row.label: row for row in board(tree, scope).rows}


def mean_of(row: Row, name: str) -> float:
    mean = row.cells[name].mean
    assert mean is not None
    return mean


def motion_only(tree: BoardTree, label: str, motion: float, kind: str = "method") -> None:
    """A complete method whose text similarity could not be computed here."""
    tree.method(label, kind)
    for clip in tree.clips:
        for edit in tree.edits:
            tree.pair(label, clip, edit, None, motion)


def forget_text(tree: BoardTree) -> None:
    """As if only motion had been asked for: the scores have no word of text."""
    for file in tree.results.rglob("scores.json"):
        scores = read_scores(file.parent)
        assert scores is not None
        kept = tuple(score for score in scores.scores if score.metric != "text_similarity")
        write_scores(file.parent, scores.model_copy(update={"scores": kept}))


def test_means_directions_and_coverage_of_a_whole_method(board_tree: BoardTree) -> None:
    board_tree.whole("smm", text=0.3, motion=0.8)
    row = rows(board_tree)["smm"]
    assert row.cells["text_similarity"].mean == pytest.approx(0.3)
    assert row.cells["motion_fidelity"].mean == pytest.approx(0.8)
    assert row.cells["source_to_output"].mean == pytest.approx(0.7)
    assert row.cells["output_to_source"].mean == pytest.approx(0.9)
    low, high = row.cells["motion_fidelity"].interval or (0, 0)
    assert low < 0.8 < high
    assert (row.coverage.expected, row.coverage.done, row.coverage.partial) == (8, 8, False)


def test_failed_pair_counts_as_worst(board_tree: BoardTree) -> None:
    board_tree.whole("smm", motion=0.8)
    board_tree.pair("smm", "clip-0", "dog", failure="out-of-memory")
    made = board(board_tree)
    (row,) = made.rows
    others = [pair.values["motion_fidelity"] for pair in row.pairs[1:]]
    assert row.cells["motion_fidelity"].mean == pytest.approx((sum(others) - 1) / 8)
    assert row.coverage.failed == {"out-of-memory": 1}
    assert any("out-of-memory 1" in note for note in made.notes)


def test_leaving_out_hard_pairs_never_helps(board_tree: BoardTree) -> None:
    """The mean over survivors would rise; the mean over what was asked for falls."""
    board_tree.whole("honest", motion=0.5)
    board_tree.whole("chooser", motion=0.5)
    hard = board_tree.results / "chooser/toy/clip-0"
    for file in sorted(hard.rglob("*.json")):
        file.unlink()
    found = rows(board_tree, "full")
    assert found["chooser"].coverage.missing == 2
    chooser, honest = (mean_of(found[label], "motion_fidelity") for label in ("chooser", "honest"))
    assert chooser < honest
    apart = rows(board_tree)["chooser"]
    assert (apart.partial, apart.cells["motion_fidelity"].rank) == (True, None)


def test_scope_shared_is_what_all_attempted(board_tree: BoardTree) -> None:
    for label, clips in (("a", ["clip-0", "clip-1"]), ("b", ["clip-1", "clip-2"])):
        board_tree.method(label)
        for clip in clips:
            board_tree.pair(label, clip, "dog")
    made = board(board_tree, "shared")
    assert (made.scope, made.pairs, made.clips, made.dataset_pairs) == ("shared", 1, 1, 8)
    assert all(row.cells["motion_fidelity"].mean == pytest.approx(0.8) for row in made.rows)
    assert all(row.coverage.of_dataset == 2 and not row.partial for row in made.rows)
    assert board(board_tree, "full").rows[0].coverage.missing == 6


def test_the_pairs_of_the_most_rows_make_the_board(board_tree: BoardTree) -> None:
    first, second = ("clip-0", "clip-1"), ("clip-1", "clip-2")
    for label, clips in (("a", first), ("b", second), ("c", second), ("d", ("clip-2",))):
        board_tree.method(label)
        for clip in clips:
            board_tree.pair(label, clip, "dog")
    made = board(board_tree)
    assert (made.scope, made.pairs) == ("shared", 2)
    assert [(row.label, row.partial) for row in made.rows] == [
        ("b", False), ("c", False), ("a", True), ("d", True),
    ]  # fmt: skip
    assert {pair.clip for pair in made.rows[0].pairs} == {"clip-1", "clip-2"}


def test_one_method_tried_on_one_pair_leaves_the_board_as_it_is(board_tree: BoardTree) -> None:
    board_tree.whole("smm", motion=0.8)
    board_tree.whole("inversion-swap", motion=0.7)
    before = board(board_tree)
    board_tree.method("tried")
    board_tree.pair("tried", "clip-0", "dog", motion=0.99)
    after = board(board_tree)
    assert after.rows[:2] == before.rows and (after.scope, after.pairs) == ("full", 8)
    tried = after.rows[2]
    assert (tried.label, tried.partial, tried.pareto) == ("tried", True, False)
    assert tried.cells["motion_fidelity"].rank is None
    assert tried.cells["motion_fidelity"].mean == pytest.approx(0.99)  # over its own pair
    assert (tried.coverage.done, tried.coverage.missing, tried.coverage.expected) == (1, 7, 8)
    (note,) = (note for note in after.notes if note.startswith("tried"))
    assert "is listed separately: it attempted 1 of 8 pairs" in note and "--scope full" in note


def carded(tree: BoardTree, label: str, **facts: str) -> None:
    """Give a method's card further facts."""
    from smmbench.results import method_folder, read_method, write_method

    folder = method_folder(tree.results, label)
    about = read_method(folder)
    assert about is not None
    write_method(folder, about.model_copy(update={"card": replace(about.card, **facts)}))


def test_rows_of_two_blocks_are_never_ranked_together(tree_of_eight: BoardTree) -> None:
    """A larger video model, or a first image beside the text, is no merit of a method."""
    for label, motion in (("a", 0.5), ("b", 0.6), ("big", 0.9), ("image", 0.95)):
        tree_of_eight.whole(label, motion=motion)
    for label in ("a", "b", "image"):
        carded(tree_of_eight, label, family="unet-3d")
    carded(tree_of_eight, "big", family="wan")
    carded(tree_of_eight, "image", input_contract="text+image")
    made = board(tree_of_eight)
    assert [(row.label, row.block) for row in made.rows] == [
        ("b", "unet-3d, text"),
        ("a", "unet-3d, text"),
        ("image", "unet-3d, text+image"),
        ("big", "wan, text"),
    ]
    assert [row.cells["motion_fidelity"].rank for row in made.rows] == [
        (1, 1), (2, 2), (1, 1), (1, 1),
    ]  # fmt: skip
    titles = [title for title, rows in table_of(made).sections if rows]
    assert titles == ["unet-3d, text", "unet-3d, text+image", "wan, text"]
    place = str(tree_of_eight.manifest)
    assert compare(tree_of_eight.results, "a", "b", place).ranked == 2
    assert compare(tree_of_eight.results, "a", "big", place).ranked == 0


def test_the_backbone_that_was_loaded_makes_the_block(tree_of_eight: BoardTree) -> None:
    tree_of_eight.whole("smm")
    carded(tree_of_eight, "smm", family="unet-3d")
    for clip in tree_of_eight.clips:
        for edit in tree_of_eight.edits:
            tree_of_eight.pair("smm", clip, edit, record={"backbone": BackboneUse("wan")})
    assert board(tree_of_eight).rows[0].block == "wan, text"


def test_clips_of_another_length_stand_apart(board_tree: BoardTree) -> None:
    """What motion fidelity gives by chance differs with the number of frames."""
    text = board_tree.manifest.read_text()
    text = text.replace('name = "clip-0"\n', 'name = "clip-0"\nframes = 2\n')
    board_tree.manifest.write_text(text)
    board_tree.whole("smm", motion=0.8)
    made = board(board_tree)
    assert (made.pairs, made.clips, made.scope) == (6, 3, "full")
    assert "clip-0" not in {pair.clip for pair in made.rows[0].pairs}
    assert made.notes[0].startswith("Only the 6 pairs of clips of 4 frames")
    assert "2 pairs of 2 frames" in made.notes[0]
    short = make_board(board_tree.results, str(board_tree.manifest), frames=2)
    assert {pair.clip for pair in short.rows[0].pairs} == {"clip-0"}
    with pytest.raises(LookupError, match="3 frames, but 2, 4"):
        make_board(board_tree.results, str(board_tree.manifest), frames=3)


def test_one_checkpoint_in_two_folders_is_one_method(board_tree: BoardTree) -> None:
    """Weights are identified by their tensors, and their path is not a setting."""
    board_tree.method("smm")
    weights = {"unet": "a" * 64}
    for clip, folder in zip(board_tree.clips, ("/home/a", "/home/a", "/b", "/b"), strict=True):
        recorded = recorded_parameters({"model": folder, "steps": 3}, ("model",))
        record = {
            "parameters": recorded,
            "checkpoints": ("model",),
            "weights": weights,
            "parameters_sha256": parameters_sha256("toy:smm", recorded, weights, ("model",)),
        }
        for edit in board_tree.edits:
            board_tree.pair("smm", clip, edit, record=record)
    (row,) = board(board_tree).rows
    assert row.coverage.done == 8


def test_a_partial_control_makes_nothing_smaller(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.method("copy", kind="control")
    board_tree.pair("copy", "clip-0", "dog")
    made = board(board_tree)
    assert (made.scope, [row.partial for row in made.rows]) == ("full", [False, True])


def test_methods_can_be_chosen_and_left_out(board_tree: BoardTree) -> None:
    for label in ("a", "b", "c"):
        board_tree.whole(label)
    place = str(board_tree.manifest)

    def labels(**choice: Any) -> set[str]:
        return {row.label for row in make_board(board_tree.results, place, **choice).rows}

    assert labels(methods=("a", "b")) == labels(exclude=("c",)) == {"a", "b"}
    assert labels(methods=("a", "b"), exclude=("b",)) == {"a"}
    with pytest.raises(LookupError, match=r"'d'; available: a, b, c"):
        labels(exclude=("d",))
    with pytest.raises(ValueError, match="No method is left"):
        labels(exclude=("a", "b", "c"))


def test_controls_on_the_whole_set_do_not_make_a_limited_run_look_bad(
    board_tree: BoardTree,
) -> None:
    board_tree.whole("copy", kind="control")
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog")
    assert board(board_tree).scope == "shared"


def test_missing_pairs_count_as_worst_in_the_full_scope(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.method("half")
    board_tree.pair("half", "clip-0", "dog")
    made = board(board_tree, "full")
    assert made.scope == "full" and not any(row.partial for row in made.rows)
    assert mean_of(rows(board_tree, "full")["half"], "text_similarity") < -0.8


def test_nothing_shared_is_said_with_counts(board_tree: BoardTree) -> None:
    for label, clip in (("a", "clip-0"), ("b", "clip-1")):
        board_tree.method(label)
        board_tree.pair(label, clip, "dog")
    with pytest.raises(ValueError, match=r"'a' 1, 'b' 1.*--scope full"):
        board(board_tree, "shared")


def test_unscored_and_stale_videos_count_as_worst_and_are_named(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.pair("smm", "clip-0", "dog", scored=False, record={"pixels_sha256": "f" * 64})
    made = board(board_tree)
    coverage = made.rows[0].coverage
    assert (coverage.done, coverage.unscored, coverage.expected) == (8, 1, 8)  # its video is there
    assert coverage.partial
    assert made.rows[0].pairs[0].values["motion_fidelity"] == -1
    assert any("smmbench score" in note for note in made.notes)


def test_nothing_scored_at_all(board_tree: BoardTree) -> None:
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog", scored=False)
    with pytest.raises(ValueError, match="Nothing is scored yet"):
        board(board_tree)


def test_a_number_that_could_not_be_had_is_worst(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.pair("smm", "clip-0", "dog", None, None, origin={"weights": "none"})
    row = rows(board_tree)["smm"]
    assert (row.pairs[0].status, row.pairs[0].values["text_similarity"]) == ("unscored", -1)


@pytest.mark.parametrize("asked", [True, False])
def test_a_metric_without_any_number_ranks_nobody(board_tree: BoardTree, asked: bool) -> None:
    motion_only(board_tree, "low", 0.4)
    motion_only(board_tree, "high", 0.8)
    motion_only(board_tree, "copy", 0.9, kind="control")
    if not asked:
        forget_text(board_tree)
    made = board(board_tree)
    assert [row.label for row in made.rows] == ["high", "low", "copy"]
    for row in made.rows:
        text = row.cells["text_similarity"]
        assert (text.mean, text.interval, text.rank) == (None, None, None)
        assert not row.pareto  # a front needs both axes
        assert (row.coverage.done, row.coverage.unscored, row.coverage.partial) == (8, 0, False)
        assert all("text_similarity" not in pair.values for pair in row.pairs)
    assert [row.cells["motion_fidelity"].rank for row in made.rows] == [(1, 2), (1, 2), None]
    assert made.notes == (
        "CLIP text similarity was not scored for any method; `smmbench score` reports the reason.",
    )
    assert Board.model_validate_json(made.model_dump_json()) == made


def test_motion_without_any_number_orders_by_text_and_is_said_once(board_tree: BoardTree) -> None:
    for label, text in (("low", 0.2), ("high", 0.3)):
        board_tree.method(label)
        for clip in board_tree.clips:
            board_tree.pair(label, clip, "dog", text, None)
    made = board(board_tree)
    assert [row.label for row in made.rows] == ["high", "low"]
    assert [row.cells["text_similarity"].rank for row in made.rows] == [(1, 2), (1, 2)]
    for name in ("motion_fidelity", "source_to_output", "output_to_source"):
        assert all(row.cells[name].mean is None for row in made.rows)
    assert [note for note in made.notes if "not scored" in note] == [
        "Motion fidelity was not scored for any method; `smmbench score` reports the reason."
    ]


def test_one_number_of_one_row_makes_all_missing_ones_worst(board_tree: BoardTree) -> None:
    """Who leaves out a metric that others have must lose by it, even if a control has it alone."""
    motion_only(board_tree, "none", 0.9)
    motion_only(board_tree, "copy", 0.9, kind="control")
    board_tree.pair("copy", "clip-0", "dog", 0.2, 0.9)
    made = board(board_tree)
    found = {row.label: row for row in made.rows}
    none, copy = (found[label].cells["text_similarity"] for label in ("none", "copy"))
    assert (none.mean, none.interval, none.rank) == (-1, (-1, -1), (1, 1))
    assert copy.mean == pytest.approx((0.2 - 7) / 8)
    assert [found[label].coverage.unscored for label in ("none", "copy")] == [8, 7]
    assert any(note.startswith("none: 8 finished pairs lack a score") for note in made.notes)
    assert not any("for any method" in note for note in made.notes)


def test_a_failed_pair_is_worst_beside_a_metric_without_any_number(board_tree: BoardTree) -> None:
    motion_only(board_tree, "smm", 0.8)
    board_tree.pair("smm", "clip-0", "dog", failure="nan")
    (row,) = board(board_tree).rows
    assert row.cells["motion_fidelity"].mean == pytest.approx((7 * 0.8 - 1) / 8)
    assert row.pairs[0].values["motion_fidelity"] == -1


def test_results_without_any_video_are_not_sent_to_score_again(board_tree: BoardTree) -> None:
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog", failure="nan")
    board_tree.pair("smm", "clip-0", "cat", failure="nan")
    with pytest.raises(ValueError, match=r"no video to score: every pair failed \(nan 2\)") as said:
        board(board_tree)
    assert "smmbench score" not in str(said.value) and "smmbench run" in str(said.value)


def test_no_number_of_any_metric(board_tree: BoardTree) -> None:
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog", None, None)
    with pytest.raises(ValueError, match="Nothing is scored yet"):
        board(board_tree)


def test_intervals_stay_within_the_range_of_the_metric(board_tree: BoardTree) -> None:
    """Student's t of few clips knows no range: 1, 1, 1 and 0.2 would reach to 1.4."""
    board_tree.method("smm")
    for clip, motion in zip(board_tree.clips, (0.9, 0.9, 0.9, 0.1), strict=True):
        text = -1.0 if motion == 0.9 else -0.2
        board_tree.pair("smm", clip, "dog", text, motion)
    (row,) = board(board_tree).rows
    intervals = {name: cell.interval or (0, 0) for name, cell in row.cells.items()}
    assert intervals["motion_fidelity"][1] == intervals["output_to_source"][1] == 1
    assert intervals["text_similarity"][0] == -1
    for name, (low, high) in intervals.items():
        assert -1 <= low < mean_of(row, name) < high <= 1


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ({"protocol": {"frames": 8}}, r"in frames \(4, 8\)\."),
        ({"tracker": {"name": "cotracker3"}}, "tracker"),
        ({"weights": "other"}, "weights"),
    ],
)
def test_scores_of_different_conditions_do_not_mix(
    board_tree: BoardTree, origin: dict[str, object], named: str
) -> None:
    board_tree.whole("smm")
    board_tree.whole("inversion-swap")
    board_tree.pair("smm", "clip-1", "cat", origin=origin)
    with pytest.raises(ValueError, match=rf"do not mix: .*clip-1.*{named}.*smmbench score"):
        board(board_tree)


def test_scores_under_another_protocol_than_the_datasets_are_said_to_be(
    board_tree: BoardTree,
) -> None:
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog", origin={"protocol": {"tracker": "cotracker3"}})
    assert "Not the dataset's protocol: scored with tracker cotracker3." in board(board_tree).notes


def test_a_record_of_other_pixels_is_left_out_and_the_others_stay(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.whole("ddim")
    board_tree.pair("smm", "clip-1", "cat", record={"source_sha256": "f" * 64})
    made = board(board_tree)
    assert [(row.label, row.partial) for row in made.rows] == [("ddim", False), ("smm", True)]
    assert "other pixels than the clip 'clip-1'" in made.notes[0] and "smm" in made.notes[0]
    for file in (board_tree.results / "ddim").rglob("record.json"):
        file.unlink()
    assert (board(board_tree).pairs, board(board_tree).scope) == (7, "shared")


def test_two_settings_under_one_label_are_no_row(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.pair("smm", "clip-1", "cat", record={"parameters_sha256": "f" * 64})
    with pytest.raises(ValueError, match="different parameters"):
        board(board_tree)
    board_tree.whole("ddim")
    made = board(board_tree)
    assert [row.label for row in made.rows] == ["ddim"]
    assert "different parameters" in made.notes[0] and "row is omitted" in made.notes[0]


@pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 99}', "[1, 2", '{"a": 1}'])
def test_an_empty_or_foreign_record_never_stops_the_others(
    board_tree: BoardTree, content: str
) -> None:
    board_tree.whole("smm")
    before = board(board_tree)
    foreign = board_tree.results / "notes" / "record.json"
    foreign.parent.mkdir()
    foreign.write_text(content)
    made = board(board_tree)
    assert made.rows == before.rows
    assert len(made.notes) == 1 and str(foreign) in made.notes[0]


def test_a_broken_card_leaves_its_row_out(board_tree: BoardTree) -> None:
    """A control without its card would pass for a method, and rank."""
    board_tree.whole("smm")
    board_tree.whole("copy", motion=0.99, kind="control")
    (board_tree.results / "copy" / "method.json").write_text("")
    made = board(board_tree)
    assert [row.label for row in made.rows] == ["smm"]
    assert any("is omitted, because its card cannot be read" in note for note in made.notes)


def test_broken_scores_are_none(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    (board_tree.results / "smm/toy/clip-0/dog/seed-0/scores.json").write_text("")
    (row,) = board(board_tree).rows
    assert (row.coverage.done, row.coverage.unscored) == (8, 1)


@pytest.mark.parametrize(
    ("change", "says"), [("gone", "is gone"), ("cut", "is not the one"), ("swapped", "is not")]
)
def test_a_score_whose_video_is_not_there_is_no_number(
    board_tree: BoardTree, change: str, says: str
) -> None:
    import os

    board_tree.whole("smm", motion=0.8)
    video = board_tree.results / "smm/toy/clip-0/dog/seed-0/video.mkv"
    content = video.read_bytes()
    if change == "gone":
        video.unlink()
    else:
        video.write_bytes(content[:-1] if change == "cut" else content[::-1])
        os.utime(video, ns=(0, 0))
    made = board(board_tree)
    (row,) = made.rows
    assert (row.coverage.done, row.coverage.unscored) == (8, 1)
    assert row.pairs[0].values["motion_fidelity"] == -1
    assert says in made.notes[0] and "smm" in made.notes[0]
    video.write_bytes(content)  # brought back, at another time
    assert board(board_tree).rows[0].coverage.unscored == 0


def test_the_same_result_twice_is_refused(board_tree: BoardTree) -> None:
    import shutil

    board_tree.whole("smm")
    shutil.copytree(board_tree.results / "smm", board_tree.results / "copy-of-smm")
    with pytest.raises(ValueError, match="hold the same result"):
        board(board_tree)


def test_other_seeds_do_not_enter(board_tree: BoardTree) -> None:
    """The best of many seeds is not the method: only the protocol's seeds count."""
    board_tree.whole("smm")
    board_tree.pair("smm", "clip-0", "dog", motion=1.0, seed=7)
    made = board(board_tree)
    assert made.rows[0].cells["motion_fidelity"].mean == pytest.approx(0.8)
    assert any(note.startswith("smm: 1 results of seeds") for note in made.notes)


def test_only_other_seeds(board_tree: BoardTree) -> None:
    board_tree.method("smm")
    board_tree.pair("smm", "clip-0", "dog", seed=7)
    with pytest.raises(ValueError, match=r"all of other seeds.*\(0\)"):
        board(board_tree)


def test_controls_stand_last_without_rank_or_front(board_tree: BoardTree) -> None:
    board_tree.whole("copy", text=0.5, motion=0.99, kind="control")
    board_tree.whole("smm", text=0.3, motion=0.8)
    made = board(board_tree)
    assert [row.label for row in made.rows] == ["smm", "copy"]
    copy = made.rows[1]
    assert (copy.pareto, copy.cells["motion_fidelity"].rank) == (False, None)
    assert made.rows[0].pareto


@pytest.fixture
def tree_of_eight(tmp_path: Path, board_trees: type[BoardTree]) -> BoardTree:
    """Eight clips: enough to show an order."""
    return board_trees(tmp_path, clips=8)


def ranks_of(found: dict[str, Row]) -> dict[str, tuple[object, object]]:
    return {
        label: (row.cells["text_similarity"].rank, row.cells["motion_fidelity"].rank)
        for label, row in found.items()
    }


def test_ranks_and_front_are_per_axis(tree_of_eight: BoardTree) -> None:
    tree_of_eight.whole("text", text=0.35, motion=0.6)
    tree_of_eight.whole("motion", text=0.25, motion=0.9)
    tree_of_eight.whole("behind", text=0.24, motion=0.5)
    found = rows(tree_of_eight)
    assert ranks_of(found) == {
        "text": ((1, 1), (2, 2)),
        "motion": ((2, 2), (1, 1)),
        "behind": ((3, 3), (3, 3)),
    }
    assert {label for label, row in found.items() if row.pareto} == {"text", "motion"}


def test_few_clips_show_no_order(board_tree: BoardTree) -> None:
    board_tree.whole("text", text=0.35, motion=0.6)
    board_tree.whole("motion", text=0.25, motion=0.9)
    found = rows(board_tree)
    assert set(ranks_of(found).values()) == {((1, 2), (1, 2))}
    assert all(row.pareto for row in found.values())


def test_chance_does_not_throw_a_method_off_the_front() -> None:
    """`twin` has a lower mean on both axes, and is shown to be worse on neither."""
    clips = [f"clip-{i}" for i in range(8)]
    rng = np.random.default_rng(0)
    base = {"a": rng.normal(0.8, 0.05, 8), "low": rng.normal(0.2, 0.05, 8)}
    twin = base["a"] + rng.normal(0, 0.02, 8)
    base["twin"] = twin - (twin - base["a"]).mean() - 0.001
    axis = rank_intervals(base, clips)
    assert base["twin"].mean() < base["a"].mean()
    assert undominated([axis, axis]) == {"a", "twin"}


def test_who_wins_on_one_axis_and_loses_on_the_other_stays_on_the_front() -> None:
    clips = [f"clip-{i}" for i in range(8)]
    up = {"a": np.full(8, 0.9), "b": np.full(8, 0.5), "c": np.full(8, 0.4)}
    down = {"a": np.full(8, 0.5), "b": np.full(8, 0.9), "c": np.full(8, 0.4)}
    text, motion = rank_intervals(up, clips), rank_intervals(down, clips)
    assert undominated([text, motion]) == undominated([motion, text]) == {"a", "b"}
    assert undominated([text]) == {"a"}


def test_ranks_are_against_all_others_and_not_those_next_in_order(
    tree_of_eight: BoardTree,
) -> None:
    """Methods in small steps: the first and the last differ significantly, neighbours do not."""
    rng = np.random.default_rng(3)
    for place in range(6):
        label = f"m{place}"
        tree_of_eight.method(label)
        for clip, noise in zip(tree_of_eight.clips, rng.normal(0, 0.06, 8), strict=True):
            for edit in tree_of_eight.edits:
                tree_of_eight.pair(label, clip, edit, 0.3, 0.4 + 0.05 * place + noise)
    motion = {label: ranks[1] for label, ranks in ranks_of(rows(tree_of_eight)).items()}
    assert motion["m0"] != motion["m5"]
    first, last = motion["m5"], motion["m0"]
    assert isinstance(first, tuple) and isinstance(last, tuple)
    assert first[0] == 1 < first[1] < 6 and last[1] == 6 > last[0] > 1


def test_a_row_without_a_video_stands_last_without_a_rank(tree_of_eight: BoardTree) -> None:
    tree_of_eight.whole("good", motion=0.9)
    tree_of_eight.whole("bad", motion=-0.9)
    tree_of_eight.method("lost")
    for clip in tree_of_eight.clips:
        for edit in tree_of_eight.edits:
            tree_of_eight.pair("lost", clip, edit, failure="out-of-memory")
    made = board(tree_of_eight)
    assert [row.label for row in made.rows] == ["good", "bad", "lost"]
    lost = made.rows[-1]
    assert (lost.cells["motion_fidelity"].rank, lost.pareto) == (None, False)
    assert ranks_of(rows(tree_of_eight))["bad"][1] == (2, 2)  # of two, not of three
    assert "lost: has no video, and therefore no rank." in made.notes


def test_one_clip_has_no_interval_and_no_rank(tmp_path: Path, board_trees: type[BoardTree]) -> None:
    tree = board_trees(tmp_path, clips=1)
    tree.whole("a", motion=0.9)
    tree.whole("b", motion=0.1)
    for row in board(tree).rows:
        cell = row.cells["motion_fidelity"]
        assert (cell.interval, cell.rank, row.pareto) == (None, None, False)


def test_cost_shares_the_preparation_of_a_clip(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    row = rows(board_tree)["smm"]
    assert row.seconds == pytest.approx(10 / 2 + 2)  # two prompts share ten seconds
    assert row.peak_gib == 1


def test_outputs_made_elsewhere_have_no_cost(board_tree: BoardTree) -> None:
    board_tree.method("gen-1", kind="imported")
    nothing = {"prepare_seconds": 0.0, "transfer_seconds": 0.0, "peak_memory_bytes": 0}
    board_tree.pair("gen-1", "clip-0", "dog", record=nothing)
    row = rows(board_tree)["gen-1"]
    assert (row.seconds, row.peak_gib) == (None, None)


def test_a_board_is_the_same_every_time_and_stands_alone(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    first, again = board(board_tree), board(board_tree)
    assert first == again
    assert Board.model_validate_json(first.model_dump_json()) == first
    board_tree.pair("smm", "clip-0", "dog", record={"transfer_seconds": 3.0})
    assert board(board_tree).rows[0].records_sha256 != first.rows[0].records_sha256


def test_no_results(board_tree: BoardTree) -> None:
    board_tree.results.mkdir()
    with pytest.raises(ValueError, match="No results in"):
        board(board_tree)


def test_comparison_is_paired_and_counts_edits(tree_of_eight: BoardTree) -> None:
    tree_of_eight.whole("a", text=0.3, motion=0.82)
    tree_of_eight.whole("b", text=0.3, motion=0.80)
    found = compare(tree_of_eight.results, "a", "b", str(tree_of_eight.manifest))
    by_name = {column.column: column for column in found.columns}
    motion, text = by_name["motion_fidelity"], by_name["text_similarity"]
    assert motion.difference == pytest.approx(0.02)
    assert motion.p == motion.p_board == pytest.approx(2 / 2**8)  # one pair: nothing to correct
    assert (motion.a_wins, motion.ties, motion.b_wins) == (16, 0, 0)
    assert (text.difference, text.p, text.ties) == (0.0, 1.0, 16)


def test_comparison_has_the_p_of_the_board(tree_of_eight: BoardTree) -> None:
    """What the rank intervals show and what `compare` says of it is one procedure."""
    rng = np.random.default_rng(0)
    for place in range(5):
        tree_of_eight.method(f"m{place}")
        for clip in tree_of_eight.clips:
            for edit in tree_of_eight.edits:
                motion = float(0.3 + 0.08 * place + rng.normal(0, 0.1))
                tree_of_eight.pair(f"m{place}", clip, edit, 0.3, motion)
    made = rows(tree_of_eight)
    columns = rank_intervals(
        {
            label: np.array([pair.values["motion_fidelity"] for pair in row.pairs])
            for label, row in made.items()
        },
        [pair.clip for pair in made["m0"].pairs],
    )
    found = compare(tree_of_eight.results, "m4", "m0", str(tree_of_eight.manifest))
    (shown,) = (column for column in found.columns if column.column == "motion_fidelity")
    assert found.ranked == 5
    assert shown.p_board == columns.p_of("m4", "m0") >= shown.p > 0


def test_comparison_with_a_method_that_the_board_does_not_rank(tree_of_eight: BoardTree) -> None:
    tree_of_eight.whole("a")
    tree_of_eight.whole("copy", motion=0.9, kind="control")
    found = compare(tree_of_eight.results, "a", "copy", str(tree_of_eight.manifest))
    assert found.ranked == 0 and all(column.p_board is None for column in found.columns)
    assert found.columns[1].p == pytest.approx(2 / 2**8)


def test_comparison_leaves_out_a_metric_without_any_number(board_tree: BoardTree) -> None:
    motion_only(board_tree, "a", 0.8)
    motion_only(board_tree, "b", 0.7)
    found = compare(board_tree.results, "a", "b", str(board_tree.manifest))
    assert [column.column for column in found.columns] == [
        "motion_fidelity",
        "source_to_output",
        "output_to_source",
    ]
    assert found.notes[0].startswith("CLIP text similarity was not scored")
    board_tree.pair("b", "clip-0", "dog", 0.3, 0.7)
    found = compare(board_tree.results, "a", "b", str(board_tree.manifest))
    assert (found.columns[0].column, found.columns[0].a) == ("text_similarity", -1)


def test_comparison_with_no_such_method(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.whole("inversion-swap")
    with pytest.raises(
        LookupError, match=r"'smn'\. Did you mean 'smm'\? Available: inversion-swap, smm\."
    ):
        compare(board_tree.results, "smn", "inversion-swap", str(board_tree.manifest))
    with pytest.raises(ValueError, match="with itself"):
        compare(board_tree.results, "smm", "smm", str(board_tree.manifest))


def with_scores(tree: BoardTree, changes: dict[str, object], *more: str) -> None:
    """Change every motion score, and add scores of other metrics with the value .5."""
    for file in tree.results.rglob("scores.json"):
        scores = read_scores(file.parent)
        assert scores is not None
        kept = [
            score.model_copy(update=changes) if score.metric == "motion_fidelity" else score
            for score in scores.scores
        ]
        kept += [
            kept[0].model_copy(update={"metric": name, "version": 1, "value": 0.5}) for name in more
        ]
        write_scores(file.parent, scores.model_copy(update={"scores": tuple(kept)}))


def test_scores_of_an_older_metric_are_said_to_be_stale(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    assert not any("stale" in note for note in board(board_tree).notes)
    with_scores(board_tree, {"version": 1})
    (note,) = (note for note in board(board_tree).notes if "outdated" in note)
    assert "scored under version 1 of the metric; the current version is 2" in note


def test_older_and_newer_scores_are_never_mixed(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    with_scores(board_tree, {"version": 1})
    board_tree.whole("inversion-swap")
    with pytest.raises(ValueError, match=r"do not mix.*metric version \(2, 1\)"):
        board(board_tree)


def test_companions_are_shown_if_they_are_asked_for_and_do_not_rank(board_tree: BoardTree) -> None:
    board_tree.whole("smm")
    board_tree.pair("smm", "clip-0", "dog", failure="nan")
    with_scores(board_tree, {}, "ftd", "frame_accuracy")
    assert not {"ftd", "frame_accuracy"} & {column.name for column in board(board_tree).columns}
    place = str(board_tree.manifest)
    made = make_board(board_tree.results, place, metrics=("ftd",))
    (row,) = made.rows
    assert "frame_accuracy" not in row.cells
    assert row.cells["ftd"].rank is None
    assert row.cells["ftd"].mean == pytest.approx((7 * 0.5 + 2**0.5) / 8)  # the failed one: worst
    assert "Lower is better: Frechet trajectory distance." in table_of(made).caption
    with pytest.raises(ValueError, match="Run `smmbench score --metrics warp_error`"):
        make_board(board_tree.results, place, metrics=("warp_error",))
    with pytest.raises(LookupError, match="Did you mean 'ftd'"):
        make_board(board_tree.results, place, metrics=("fdt",))


def test_a_comparison_of_a_companion_counts_who_is_lower(board_tree: BoardTree) -> None:
    board_tree.whole("a")
    with_scores(board_tree, {}, "ftd")
    board_tree.whole("b")
    board_tree.method("b")
    for file in (board_tree.results / "b").rglob("scores.json"):
        scores = read_scores(file.parent)
        assert scores is not None
        more = scores.scores[0].model_copy(update={"metric": "ftd", "version": 1, "value": 0.7})
        write_scores(file.parent, scores.model_copy(update={"scores": (*scores.scores, more)}))
    made = compare(board_tree.results, "a", "b", str(board_tree.manifest), metrics=("ftd",))
    (ftd,) = (column for column in made.columns if column.column == "ftd")
    assert ftd.difference == pytest.approx(-0.2) and (ftd.a_wins, ftd.b_wins) == (8, 0)


def marked_method(tree: BoardTree, label: str, marked: int, kind: str = "method") -> None:
    """A complete method whose first few pairs are marked."""
    tree.method(label, kind)
    pairs = [(clip, edit) for clip in tree.clips for edit in tree.edits]
    for i, (clip, edit) in enumerate(pairs):
        tree.pair(label, clip, edit, 0.9, 0.99, marked=i < marked)


def test_a_marked_pair_counts_as_worst_on_motion_alone(board_tree: BoardTree) -> None:
    marked_method(board_tree, "some", 1)
    row = rows(board_tree)["some"]
    pairs = len(row.pairs)
    assert row.marked_share == 1 / pairs
    assert mean_of(row, "motion_fidelity") == pytest.approx((0.99 * (pairs - 1) - 1) / pairs)
    assert row.cells["source_to_output"].mean == pytest.approx((0.89 * (pairs - 1) - 1) / pairs)
    assert mean_of(row, "text_similarity") == pytest.approx(0.9)


def test_a_row_with_many_marks_has_no_rank_and_no_place_on_the_front(
    board_tree: BoardTree,
) -> None:
    board_tree.whole("honest", text=0.3, motion=0.6)
    marked_method(board_tree, "few", 1)  # 1 of 8
    marked_method(board_tree, "many", 2)  # 2 of 8, more than a fifth
    found = board(board_tree)
    by = {row.label: row for row in found.rows}
    assert by["few"].cells["motion_fidelity"].rank is not None
    assert by["many"].cells["motion_fidelity"].rank is None
    assert by["many"].cells["text_similarity"].rank is None
    assert not by["many"].pareto
    assert by["honest"].pareto
    assert any("many: 25.0% of its pairs are marked" in note for note in found.notes)
    table = table_of(found)
    place = table.header.index("Marked")
    shares = {cells[0]: cells[place] for cells in table.competitors}
    assert shares == {"honest": "", "few": "12.5%", "many": "25.0%"}


def test_a_control_shows_its_score_without_the_marks(board_tree: BoardTree) -> None:
    board_tree.whole("honest")
    marked_method(board_tree, "texture", 8, kind="control")
    row = rows(board_tree)["texture"]
    assert row.marked_share == 1
    assert row.cells["motion_fidelity"].mean == pytest.approx(0.99)


@pytest.mark.parametrize("measured", [0, 2])
def test_scores_of_before_are_told_to_lack_marks(board_tree: BoardTree, measured: int) -> None:
    """No mark, or all but the one that came last."""
    board_tree.whole("old")
    for file in board_tree.results.rglob("scores.json"):
        scores = read_scores(file.parent)
        assert scores is not None
        write_scores(file.parent, scores.model_copy(update={"marks": scores.marks[:measured]}))
    found = board(board_tree)
    assert any("Scored before all marks were" in note for note in found.notes)
    assert "Marked" not in table_of(found).header


def test_the_emoji_set_has_the_hash_that_its_published_boards_name() -> None:
    """A field that is added to manifests must not part new boards from the published ones."""
    assert manifest_sha256(load_dataset("emoji")).startswith("dcbcd556ee7ccb70")


def test_a_board_says_why_a_metric_must_not_rank(board_tree: BoardTree) -> None:
    board_tree.whole("good", motion=0.8)
    board_tree.whole("bad", motion=0.4)
    with_scores(board_tree, {}, "yes_probability")
    place = board_tree.results, str(board_tree.manifest)
    board = make_board(*place, metrics=("yes_probability",))
    reason = "VQAScore does not rank: it was not compared with people"
    assert any(note.startswith(reason) for note in board.notes)
    assert all(row.cells["yes_probability"].rank is None for row in board.rows)
    assert any(row.cells["motion_fidelity"].rank for row in board.rows)
    assert not any("does not rank" in note for note in make_board(*place).notes)
