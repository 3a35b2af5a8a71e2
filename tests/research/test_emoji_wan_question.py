"""What the registered question makes: equal budgets, and the commands that it registered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from smmbench.method.parameters import build_parameters, choose_preset
from smmbench.resolving import find_method
from smmbench_research.emoji_wan import question, seen


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
