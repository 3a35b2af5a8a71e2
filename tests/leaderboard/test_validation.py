"""Metrics compared with people: choices and ratings with known answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders.board_tree import BoardTree

from smmbench_leaderboard.validation.agreement import preference
from smmbench_leaderboard.validation.people import Choice, read_judgements
from smmbench_leaderboard.validation.people import validate_people as validate

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tree(board_tree: BoardTree) -> BoardTree:
    """`good` moves better than `bad` in every pair, and a control scores below both."""
    board_tree.whole("good", motion=0.8)
    board_tree.whole("bad", motion=0.4)
    board_tree.whole("noise", motion=-0.2, kind="control")
    return board_tree


def choices(tree: BoardTree, path: Path, chosen: Callable[[int], str]) -> Path:
    lines = ["clip,edit,seed,first,second,chosen"]
    for place, clip in enumerate(tree.clips):
        lines += [f"{clip},{edit},0,good,bad,{chosen(place)}" for edit in tree.edits]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_preference_is_turned_round_and_equal_scores_are_half() -> None:
    assert (preference(2, 1), preference(1, 2), preference(1, 1)) == (1.0, 0.0, 0.5)


@pytest.mark.parametrize(("label", "agreement"), [("good", 1.0), ("bad", 0.0)])
def test_people_who_always_agree_or_never(
    tree: BoardTree, tmp_path: Path, label: str, agreement: float
) -> None:
    path = choices(tree, tmp_path / "c.csv", lambda _: label)
    found = validate("motion_fidelity", path, tree.results, str(tree.manifest))
    assert found.agreement == agreement and found.choices == 8 and found.clips == 4
    assert found.beats_chance == (agreement == 1.0)


def test_ties_are_left_out_and_counted(tree: BoardTree, tmp_path: Path) -> None:
    path = choices(tree, tmp_path / "c.csv", lambda place: "tie" if place == 0 else "good")
    found = validate("motion_fidelity", path, tree.results, str(tree.manifest))
    assert (found.ties, found.choices, found.agreement) == (2, 6, 1.0)


def test_an_interval_is_over_clips_and_not_over_answers(tree: BoardTree, tmp_path: Path) -> None:
    path = choices(tree, tmp_path / "c.csv", lambda place: "good" if place % 2 else "bad")
    one = validate("motion_fidelity", path, tree.results, str(tree.manifest))
    text = path.read_text().splitlines()
    path.write_text("\n".join([text[0], *text[1:] * 50]) + "\n")  # the same people, fifty times
    many = validate("motion_fidelity", path, tree.results, str(tree.manifest))
    assert many.choices == 50 * one.choices
    assert many.interval == pytest.approx(one.interval)


def test_ratings_are_compared_within_a_prompt(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text(
        "clip,edit,seed,method,rating,person\n"
        "a,dog,0,x,4,1\na,dog,0,x,2,2\na,dog,0,y,1,1\na,dog,0,z,3,1\nb,dog,0,x,9,1\n"
    )
    kind, found, ties = read_judgements(path)
    assert kind == "ratings" and ties == 1  # x and z: both 3 in the mean
    key = ("a", "dog", 0)
    assert found == [Choice(key, "x", "y"), Choice(key, "z", "y")]


def test_a_control_near_the_best_drops_the_metric_unless_it_belongs_there(
    tree: BoardTree, tmp_path: Path, smmbench: Command
) -> None:
    path = choices(tree, tmp_path / "c.csv", lambda _: "good")
    words = ["validate", "motion_fidelity", "--data", path, "--results", tree.results]
    words += ["--dataset", tree.manifest]
    code, out, _ = smmbench(*words)
    assert code == 0 and "noise" in out and "stays below" in out
    tree.whole("source-copy", motion=0.9, kind="control")
    code, out, _ = smmbench(*words)
    assert code == 1 and "Rejected" in out
    code, out, _ = smmbench(*words, "--allow", "source-copy", "--json")
    assert code == 0
    near = {one["label"]: one["near"] for one in json.loads(out)[0]["controls"]}
    assert near == {"noise": False, "source-copy": True}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "A file of choices has"),
        ("", "A file of choices has"),
        ("clip,edit,seed,first,second,chosen\na,d,0,x,y,z\n", "line 2"),
        ("clip,edit,seed,first,second,chosen\na,d,0,x,x,x\n", "different methods"),
        ("clip,edit,seed,first,second,chosen\na,d,one,x,y,x\n", "no whole number"),
        ("clip,edit,seed,method,rating\na,d,0,x,nan\n", "no rating"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "judgements.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_judgements(path)


def test_videos_without_a_score_are_said(tree: BoardTree, tmp_path: Path) -> None:
    path = choices(tree, tmp_path / "c.csv", lambda _: "good")
    with pytest.raises(ValueError, match="smmbench score"):
        validate("ftd", path, tree.results, str(tree.manifest))
