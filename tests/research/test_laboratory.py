"""The laboratory's own arithmetic, and one true output through all of it."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smmbench.dataset import clip_named, load_dataset, source_video
from smmbench.diffusion.method import DiffusionMethod
from smmbench.method.parameters import build_parameters, choose_preset
from smmbench.resolving import find_method
from smmbench.running.executors import named_executor
from smmbench.running.loop import plan_run, run
from smmbench_research.emoji.laboratory import board
from smmbench_research.emoji.laboratory.measures import Measures, figures, path_figures
from smmbench_research.emoji.laboratory.settings import (
    ABLATIONS,
    BOARD,
    BUDGET,
    PRESET,
    TUNING,
    Setting,
    distinct,
)
from smmbench_research.emoji.laboratory.tables import (
    against,
    best,
    differences,
    means,
    number,
    read_rows,
    remarks,
    summary,
)
from smmbench_research.emoji.laboratory.tables import main as tables_main
from smmbench_research.emoji.laboratory.witness import witness


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


@pytest.mark.parametrize("base", [(), ("rates=0.021,0.012", "guided_to=0.74")])
def test_ablations_differ_from_their_base_and_each_other(base: tuple[str, ...]) -> None:
    kept = distinct(ABLATIONS, base)
    changed = build_parameters(find_method("smm"), PRESET, base)
    same = [
        setting.name
        for setting in kept
        if build_parameters(find_method("smm"), PRESET, (*base, *setting.changes)) == changed
    ]
    assert same == ["smm base"]
    assert len(kept) >= 20


def test_what_does_not_go_together_is_left_to_fail_by_name() -> None:
    cloned = Setting("motion-clone", "motion-clone")  # 15 guided steps
    assert distinct([cloned, Setting("text", "text-only")], ["steps=2"])[0] == cloned


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


def rows_of(setting: str, method: str, text: float, motion: float) -> list[dict[str, object]]:
    """Eight clips with two seeds, whose motion rises from clip to clip."""
    return [
        {"setting": setting, "method": method, "clip": f"c{clip}", "edit": "e", "seed": seed}
        | {"text": text, "motion": motion + 0.01 * clip, "motion_second": motion, "path": None}
        for clip in range(8)
        for seed in (0, 1)
    ]


def read(tmp_path: Path, rows: list[dict[str, object]]) -> pd.DataFrame:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    return read_rows([path])


def test_means_and_paired_differences_of_rows(tmp_path: Path) -> None:
    frame = read(tmp_path, rows_of("low", "a", 0.5, 0.2) + rows_of("high", "b", 0.5, 0.6))
    assert summary(frame).loc["low", "motion"] == pytest.approx(0.235)  # .2 + mean of 0 to .07
    assert against(frame, "high", "low", "motion") == "**+.400 [+.400, +.400]**"
    assert against(frame, "high", "low", "text") == "+.000 [+.000, +.000]"
    assert against(frame, "high", "low", "path") == ""  # no witness was there
    table = differences(frame, "low")
    assert table.loc["high - low", "motion, Lucas-Kanade"] == "**+.400 [+.400, +.400]**"
    assert means(frame).loc["low", "outputs"] == "16"
    with pytest.raises(LookupError, match="No rows of 'lo'; there is: low, high"):
        differences(frame, "lo")


def test_an_interval_is_over_clips_and_not_over_outputs(tmp_path: Path) -> None:
    """Twice the seeds with the same values are no more evidence."""
    rows = rows_of("one", "a", 0.5, 0.2)
    single = read(tmp_path, [row for row in rows if row["seed"] == 0])
    double = read(tmp_path, rows)
    assert list(means(single)["motion"]) == list(means(double)["motion"])


def test_the_best_setting_has_the_largest_sum_of_both_axes(tmp_path: Path) -> None:
    frame = read(
        tmp_path,
        [
            *rows_of("strong", "a", 0.5, 0.6),
            *rows_of("even", "a", 0.9, 0.4),
            *rows_of("weak", "a", 0.9, 0.1),
            *rows_of("other", "b", 0.1, 0.1),
        ],
    )
    line = best(frame).loc["a"]
    assert (line["tried"], line["chosen"], line["runner-up"]) == ("3", "even", "strong")
    assert line["lead"] == "**+.200 [+.200, +.200]**"  # .9 + .4 - .5 - .6
    assert "a 3, b 1" in remarks(frame)[0]  # not the same budget


def test_rows_of_a_search_and_its_finals(tmp_path: Path) -> None:
    """Each setting is a row that `smmbench run` can label; finals keep the best of each method."""
    rows = board.setting_rows("tune")
    labels = [row.name for row in rows]
    assert len(set(labels)) == len(labels) > BUDGET
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", label) for label in labels)
    assert {"sdedit-0.5", "ddim-caption-50", "smm-low-4-rate-x1-share-0.4"} <= set(labels)
    means = {"sdedit-0.5": 0.4, "sdedit-0.7": 0.9, "sdedit-0.9": 0.8, "ddim-empty-25": 0.2}
    lines = [
        {"setting": name, "method": name.split("-")[0], "clip": clip, "edit": "a", "seed": 0}
        | {"text": value, "motion": 0.1}
        for name, value in means.items()
        for clip in ("one", "two")
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    finals = board.setting_rows("tune", finals=path, keep=2)
    assert {row.name for row in finals} == {"sdedit-0.7", "sdedit-0.9", "ddim-empty-25"}
    assert {row.method for row in finals} == {"sdedit", "inversion-swap"}


def test_tables_are_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.jsonl"
    rows = rows_of("low", "a", 0.5, 0.2) + rows_of("high", "a", 0.5, 0.6)
    path.write_text("\n".join(json.dumps(row) for row in rows))
    tables_main([str(path), "--best", "--against", "low", "--markdown"])
    first, second, third = capsys.readouterr().out.split("\n\n")
    assert first.startswith("|  | outputs | text |") and first.count("\n") == 3
    assert "| a | 2 | high | .500 | .635 | 1.135 | low |" in second
    assert third.splitlines()[2].startswith("| high - low | ")
    path.write_text("\n".join(json.dumps(row) for row in rows + rows[:1]))
    with pytest.raises(ValueError, match="Outputs stand twice in these files, of: low"):
        tables_main([str(path)])


def test_figures_are_short() -> None:
    assert [number(0.7421), number(-0.08, sign=True), number(1.0)] == [".742", "-.080", "1.000"]
    assert [number(14.46, "path"), number(float("nan"))] == ["14.5", ""]


@pytest.mark.slow
def test_a_witness_keeps_rows_of_the_same_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        plan_run("source-copy", "emoji", tmp_path, seeds=[0], limit=1, device="cpu"),
        named_executor("local"),
    )
    measures = Measures(load_dataset("emoji"), "cpu", second="lucas-kanade")
    (row,) = witness(tmp_path, measures)
    assert row["motion"] == row["motion_second"] == 1 and row["path"] == 0
    assert row["method"] == row["setting"] == "source-copy"
    wrong = row | {"motion": 0.5}
    assert list(witness(tmp_path, measures, earlier=[wrong | {"pixels": "others"}])) == [row]
    other = Measures(load_dataset("emoji"), "cpu", second="dis")
    assert list(witness(tmp_path, measures, earlier=[wrong | {"terms": other.terms}])) == [row]
    assert list(witness(tmp_path, measures, earlier=[wrong | {"terms": ""}])) == [row]
    monkeypatch.setattr(measures, "measure", None)  # nothing is measured anew
    assert list(witness(tmp_path, measures, earlier=[row])) == [row]
