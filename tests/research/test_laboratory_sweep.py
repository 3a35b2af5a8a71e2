"""Several processes share a sweep: nothing twice, nothing lost, and no failure stops the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smmbench_research.emoji.laboratory import job
from smmbench_research.emoji.laboratory.claims import Row, Work
from smmbench_research.emoji.laboratory.processes import cards
from smmbench_research.emoji.laboratory.settings import Setting
from smmbench_research.emoji.laboratory.sweep import work_through

SETTINGS = [Setting(f"toy {number}", "toy", (f"number={number}",)) for number in range(12)]
OUTPUTS = [("clip", "edit", 0), ("clip", "edit", 1)]


def rows_of(setting: Setting) -> list[Row]:
    return [
        {"setting": setting.name, "changes": list(setting.changes)}
        | {"clip": clip, "edit": edit, "seed": seed}
        for clip, edit, seed in OUTPUTS
    ]


def work_in(folder: Path) -> Work:
    return Work(folder / "rows.jsonl", SETTINGS, OUTPUTS)


def do_all(work: Work, seconds: float = float("inf")) -> list[str]:
    begun: list[str] = []

    def begin(setting: Setting) -> Setting:
        begun.append(setting.name)
        if setting.name == "toy 3":
            raise RuntimeError("broken")
        return setting

    work_through(work, begin, lambda setting, made: rows_of(made), seconds=seconds)
    return begun


def test_processes_side_by_side_do_each_setting_once(tmp_path: Path) -> None:
    works = [work_in(tmp_path) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        begun = [name for names in pool.map(do_all, works) for name in names]
    assert Counter(begun) == Counter(setting.name for setting in SETTINGS)


def test_a_broken_setting_stops_no_other_and_is_tried_again_later(tmp_path: Path) -> None:
    work = work_in(tmp_path)
    do_all(work)
    failed, left = work.left()
    assert [setting.name for setting in failed] == ["toy 3"] and not left
    assert len(work.merge()) == 11 * len(OUTPUTS)
    assert "broken" in (tmp_path / "rows.jsonl.parts" / "toy_3.failed").read_text()
    assert do_all(work_in(tmp_path)) == ["toy 3"]


def test_a_failure_of_measuring_stops_no_other(tmp_path: Path) -> None:
    def finish(setting: Setting, made: None) -> list[Row]:
        if setting.name == "toy 0":
            raise RuntimeError("broken")
        return rows_of(setting)

    work = work_in(tmp_path)
    work_through(work, lambda setting: None, finish)
    assert [setting.name for setting in work.left()[0]] == ["toy 0"]


def test_what_a_killed_process_had_in_hand_is_done_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from smmbench_research.emoji.laboratory.claims import Work\n"
        "from smmbench_research.emoji.laboratory.settings import Setting\n"
        "work = Work(Path(sys.argv[1]), [Setting('toy 0', 'toy', ('number=0',))], [])\n"
        "print(work._lock(work.settings[0]), flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "rows.jsonl")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"True\n"
        assert "toy 0" not in do_all(work_in(tmp_path), seconds=0.5)
        process.kill()
    assert do_all(work_in(tmp_path)) == ["toy 0", "toy 3"]


def test_a_setting_cut_short_or_made_otherwise_is_not_taken_for_done(tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    whole, cut, other = (rows_of(setting) for setting in SETTINGS[:3])
    other = [row | {"changes": ["number=2", "steps=1"]} for row in other]
    output.write_text("".join(json.dumps(row) + "\n" for row in [*whole, *cut[:1], *other]))
    begun = do_all(work_in(tmp_path))
    assert "toy 0" not in begun and {"toy 1", "toy 2"} <= set(begun)
    assert work_in(tmp_path).merge()[: len(OUTPUTS)] == whole


def test_nothing_new_is_begun_after_the_time(tmp_path: Path) -> None:
    work = work_in(tmp_path)
    assert do_all(work, seconds=0) == []
    assert work.left() == ([], SETTINGS)


def test_processes_are_spread_over_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cards(2, 2) == ["0", "1", "0", "1"]
    assert cards(0, 2) == ["", ""]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert cards(2, 2) == ["3", "5", "3", "5"]
    assert cards(1, 2) == ["3", "3"]
    with pytest.raises(ValueError, match=r"leaves 2 GPUs \(3,5\), not 3"):
        cards(3, 1)


@pytest.mark.slow
def test_a_job_of_two_processes_puts_their_rows_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["tune", "--gpus", "0", "--per-gpu", "2", "--output", str(tmp_path)]
    tiny = ["--limit", "1", "--set", "steps=2", "--only", "text", "sdedit 0.6", "ditflow soft 15"]
    assert job.main([*command, *tiny]) == 1  # 15 guided steps of 2
    assert "Failed: 1 of 3: ditflow soft 15" in capsys.readouterr().err
    rows = [json.loads(line) for line in (tmp_path / "tune.jsonl").read_text().splitlines()]
    assert {row["setting"] for row in rows} == {"text-only", "sdedit 0.6"}
