"""What the registered question makes: equal budgets, and the commands that it registered."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from smmbench.method.parameters import build_parameters, choose_preset
from smmbench.resolving import find_method
from smmbench_research.emoji_wan import answer, pictures, question, seen


def test_every_method_is_given_the_same_budget(tmp_path: Path) -> None:
    rows = question.tuning_rows(tmp_path)
    assert Counter(row.method for row in rows) == dict.fromkeys(question.TUNED, question.BUDGET)
    assert len({row.folder for row in rows}) == len({row.name for row in rows}) == len(rows)
    first = next(row for row in rows if row.method == "smm")
    assert first.folder == tmp_path / "tuning" / "smm" / "results" / "trial-000"
    assert all("emoji-wan-val" in row.command for row in rows)


def test_the_preset_is_where_the_registered_search_begins() -> None:
    smm = find_method("smm")
    preset = choose_preset(smm, None, question.VALIDATION)
    assert preset == "emoji-wan"
    found = build_parameters(smm, preset, question.FIXED)
    assert (found.steps, found.guidance, found.start) == (30, 4.0, "inverted")
    assert (found.rates, found.iterations) == ((0.01, 0.01), 10)
    assert (found.guided_from, found.guided_to) == (1.0, 0.7)


def test_the_ablation_changes_one_thing_at_a_time() -> None:
    smm = find_method("smm")
    base = vars(build_parameters(smm, "emoji-wan", question.FIXED))
    for name, changes in question.ABLATION.items():
        found = vars(build_parameters(smm, "emoji-wan", (*question.FIXED, *changes)))
        differing = [key for key in base if base[key] != found[key]]
        assert len(differing) == (0 if name == "preset" else 1), name


def test_test_clips_are_shared_out_and_strengths_are_all_made(tmp_path: Path) -> None:
    rows = question.test_rows(tmp_path)
    labels = Counter(row.folder.name for row in rows)
    assert labels["smm"] == question.SHARES["smm"]
    for method in question.WITH_STRENGTH:
        assert sum(label.startswith(f"{method}-") for label in labels) == question.BUDGET
    assert {"inversion-swap", "text-only", "flow-motion"} <= labels.keys()
    assert question.CHOSEN.keys() | {*question.WITH_STRENGTH} == {*question.TUNED}


def test_what_was_chosen_is_one_of_the_trials(tmp_path: Path) -> None:
    rows = question.tuning_rows(tmp_path)
    for method, chosen in question.CHOSEN.items():
        implementation = find_method(method)
        asked = build_parameters(implementation, "emoji-wan", (*question.FIXED, *chosen))
        trials = [
            build_parameters(
                implementation,
                "emoji-wan",
                [after for before, after in pairwise(row.command) if before == "--set"],
            )
            for row in rows
            if row.method == method
        ]
        assert asked in trials


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a dog in a forest", (0, True)),
        ("two dogs in a forest", (0, True)),
        ("a dog and a cat in a forest", (0, False)),
    ],
)
def test_the_object_of_a_prompt(prompt: str, expected: tuple[int, bool]) -> None:
    assert seen.named_object(prompt) == expected


def test_direction_compares_steps_and_not_places() -> None:
    true = torch.stack([torch.arange(5.0), torch.zeros(5)], 1)
    assert seen.direction(true + 30, true) == pytest.approx(1)
    assert seen.direction(-true, true) == pytest.approx(-1)
    assert seen.direction(true, torch.zeros(5, 2)) == 0


def curve(*points: tuple[float, float]) -> dict[str, answer.Scores]:
    """Settings whose pairs all score the same."""
    return {
        f"sdedit-{k}": answer.Scores(np.full(4, text), np.full(4, motion))
        for k, (text, motion) in enumerate(points)
    }


def test_a_curve_is_read_at_equal_text_between_its_best_settings() -> None:
    settings = curve((0.6, 0.8), (0.9, 0.4), (0.7, 0.1))  # the last is beaten in both
    assert answer.frontier(settings) == ["sdedit-0", "sdedit-1"]
    found, at = answer.at_equal_text(settings, 0.75)
    np.testing.assert_allclose(found.text, 0.75)
    np.testing.assert_allclose(found.motion, 0.6)
    assert at == "sdedit-0 and sdedit-1 (0.50)"
    assert answer.at_equal_text(settings, 0.95)[1] == "sdedit-1"  # all of it lies below
    assert answer.at_equal_text(settings, 0.5)[1] == "sdedit-0"


def test_holm_is_the_step_down_of_bonferroni() -> None:
    assert answer.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert answer.holm([0.5, 0.9]) == [1.0, 1.0]


def test_verdicts_hold_a_difference_against_the_margin() -> None:
    clips = [f"clip-{k // 4}" for k in range(208)]
    noise = np.random.default_rng(0).normal(0, 0.05, 208)

    def scores(text: float, motion: float) -> answer.Scores:
        return answer.Scores(np.full(208, text), motion + noise)

    others = {"text-only": 0.4, "inversion-swap": 0.6, "flow-motion": 0.59}
    rows = {name: scores(0.9, motion) for name, motion in others.items()}
    rows |= {"sdedit-0": scores(0.9, 0.5), "flow-edit-0": scores(0.9, 0.7)}
    rows["smm"] = answer.Scores(np.full(208, 0.9), 0.6 + noise[::-1])
    verdicts = {one.method: one.verdict for one in answer.compare(rows, clips)}
    assert verdicts["text-only"] == verdicts["sdedit"] == "holds"
    assert verdicts["flow-edit"] == verdicts["inversion-swap"] == "refuted"


def test_more_motion_at_less_text_settles_nothing() -> None:
    clips = [f"clip-{k // 4}" for k in range(208)]
    noise = np.random.default_rng(0).normal(0, 0.05, 208)

    def verdict(text: float) -> str:
        others = ("text-only", "inversion-swap", "flow-motion", "sdedit-0", "flow-edit-0")
        rows = {name: answer.Scores(np.full(208, 0.9), 0.4 + noise) for name in others}
        rows["smm"] = answer.Scores(np.full(208, text), 0.6 + noise[::-1])
        found = {one.method: one.verdict for one in answer.compare(rows, clips)}
        assert found["sdedit"] == "holds"  # its curve is read at equal text
        return found["text-only"]

    assert verdict(0.885) == "holds"
    assert verdict(0.875) == "open"


def test_pairs_that_differ_between_rows_are_refused(tmp_path: Path) -> None:
    def line(label: str, clip: str) -> str:
        row = {"label": label, "clip": clip, "edit": "e", "seed": 0}
        return json.dumps(row | {"text_similarity": 0.5, "motion_fidelity": None}) + "\n"

    path = tmp_path / "test.jsonl"
    path.write_text(line("a", "x") + line("b", "x"))
    scores, clips = answer.read(path)
    assert clips == ["x"] and scores["a"].motion.tolist() == [-1.0]  # the worst
    path.write_text(line("a", "x") + line("b", "y"))
    with pytest.raises(ValueError, match="other pairs"):
        answer.read(path)


def test_sheets_show_the_best_the_middle_and_the_worst_of_smm() -> None:
    def row(label: str, k: int, seed: int = 0) -> dict[str, object]:
        return {
            "label": label,
            "clip": f"clip-{k:02}",
            "edit": "e",
            "seed": seed,
            "text_similarity": 0.5,
            "motion_fidelity": k / 100,
        }

    rows = [row("smm", k) for k in range(40)] + [row("sdedit-0", 99), row("smm", 98, seed=1)]
    found = pictures.chosen(rows)
    assert [clip for clip, _ in found["best"]] == [f"clip-{k}" for k in range(39, 33, -1)]
    assert [clip for clip, _ in found["middle"]] == [f"clip-{k}" for k in range(17, 23)]
    assert [clip for clip, _ in found["worst"]] == [f"clip-{k:02}" for k in range(6)]


def test_moments_are_spread_from_the_first_frame_to_the_last() -> None:
    frames = np.arange(17, dtype=np.uint8)[:, None, None, None].repeat(3, -1)
    assert pictures.moments(frames)[:, 0, 0, 0].tolist() == [0, 3, 6, 10, 13, 16]


def test_another_text_metric_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    row = {"label": "a", "clip": "x", "edit": "e", "seed": 0, "motion_fidelity": 0.5}
    scores = {"text_similarity": 0.9, "text_similarity_held_out": 0.8}
    path.write_text(json.dumps(row | scores) + "\n")
    assert answer.read(path)[0]["a"].text.tolist() == [0.9]
    assert answer.read(path, "text_similarity_held_out")[0]["a"].text.tolist() == [0.8]
