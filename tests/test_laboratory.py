"""The laboratory's own arithmetic, and one true output through all of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from smmbench.dataset import clip_named, load_dataset, source_video
from smmbench.diffusion.method import DiffusionMethod
from smmbench.methods import find_method
from smmbench.parameters import build_parameters, choose_preset
from smmbench_datasets.emoji.laboratory.measures import Measures, figures, path_figures
from smmbench_datasets.emoji.laboratory.settings import (
    ABLATIONS,
    BOARD,
    BUDGET,
    PRESET,
    TUNING,
    distinct,
)
from smmbench_datasets.emoji.laboratory.tables import against, balance, read_rows, summary


def test_path_figures_of_shifted_paths() -> None:
    way = np.stack([np.arange(16.0), np.zeros(16)], axis=1)
    found = path_figures(way + np.array([3.0, 4.0]), way)
    assert found["path"] == pytest.approx(5)  # the 3-4-5 triangle
    assert found["shape"] == pytest.approx(0, abs=1e-12)


def test_every_setting_builds_and_has_a_name_of_its_own() -> None:
    for setting in (*TUNING, *ABLATIONS, *BOARD):
        method = find_method(setting.method)
        build_parameters(method, choose_preset(method, None, "emoji"), setting.changes)
    names = [setting.name for setting in (*TUNING, *ABLATIONS)]
    assert len(set(names)) == len(names)


def test_each_method_has_the_same_budget() -> None:
    """Eight different settings each, which the method's preset has no part in."""
    counts = Counter(setting.method for setting in TUNING)
    assert counts.pop("text-only") == 1  # nothing to tune
    assert set(counts.values()) == {BUDGET} and len(counts) == 12
    assert distinct(TUNING) == list(TUNING)
    for method in counts:
        assert issubclass(find_method(method), DiffusionMethod)
        changes = [setting.changes for setting in TUNING if setting.method == method]
        named = {tuple(sorted(one.partition("=")[0] for one in some)) for some in changes}
        assert len(named) == 1, f"settings of {method} name different parameters"


def test_ablations_differ_from_the_preset_and_each_other() -> None:
    kept = distinct(ABLATIONS)
    preset = build_parameters(find_method("smm"), PRESET)
    same = [
        setting.name
        for setting in kept
        if build_parameters(find_method("smm"), PRESET, setting.changes) == preset
    ]
    assert same == ["smm preset"]
    assert len(kept) >= 20


def test_a_source_measured_against_itself() -> None:
    measures = Measures(load_dataset("emoji"), "cpu")
    clip = clip_named(measures.dataset, "dog-left")
    video = source_video(measures.dataset, clip)
    target = next(edit for edit in clip.edits if edit.kind == "both")
    row = figures(measures.measure(clip, target.prompt, video, measures.track(video)))
    assert row["motion"] == row["to_source"] == row["to_output"] == 1
    assert row["path"] == row["shape"] == 0
    assert row["object_clip"] == row["scene_clip"] == row["object_judge"] == 0  # not the target's
    assert row["source_clip"] == 1
    assert row["motion_known"] is not None and 0.7 < row["motion_known"] <= 1


def test_tables_from_rows(tmp_path: Path) -> None:
    rows = [
        {"setting": name, "method": name, "clip": f"c{i}", "edit": "e", "seed": 0}
        | {"text": 0.5, "motion": motion + 0.01 * i, "path": None}
        for name, motion in (("low", 0.2), ("high", 0.6))
        for i in range(8)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    frame = read_rows([path])
    table = summary(frame)
    assert table.loc["low", "motion"] == pytest.approx(0.235)  # 0.2 + the mean of 0 to 0.07
    assert balance(table)["high"] == pytest.approx(1.135)
    assert against(frame, "high", "low", "motion").startswith("+0.400 [+0.400, +0.400]")
