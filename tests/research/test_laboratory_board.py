"""What the laboratory's board starts, and what it leaves behind."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smmbench.dataset import load_dataset
from smmbench_research.emoji.laboratory import board
from smmbench_research.emoji.laboratory.board import chosen_rows
from smmbench_research.emoji.laboratory.parcel import in_parts, shown_pairs, small_jpeg
from smmbench_research.emoji.laboratory.processes import Places, cards
from smmbench_research.emoji.laboratory.settings import BOARD, CONTROLS


def test_the_longest_methods_are_begun_first_and_controls_last() -> None:
    labels = [row.name for row in chosen_rows([], [])]
    assert set(labels) == {row.name for row in BOARD}
    assert labels[:2] == ["motion-director", "tune-a-video"]
    assert set(labels[-len(CONTROLS) :]) == set(CONTROLS)


def test_other_rows_can_be_added() -> None:
    (row,) = chosen_rows(["smm"], ["soft=ditflow rates=0.01,0.005 guided_to=0.9"])[1:]
    assert (row.name, row.method) == ("soft", "ditflow")
    assert row.changes == ("rates=0.01,0.005", "guided_to=0.9")
    with pytest.raises(LookupError, match="No row 'smn'; there is: smm, "):
        chosen_rows(["smn"], [])


def test_a_process_that_fails_or_takes_too_long_is_told_of(tmp_path: Path) -> None:
    places = Places([""], 1, tmp_path, end=1.0)
    python = [sys.executable, "-c"]
    assert places.run("well", [*python, "print('here')"]) == ""
    assert (tmp_path / "well.log").read_text() == "here\n"
    assert places.run("ill", [*python, "raise SystemExit(3)"]) == "exit code 3"
    began = time.monotonic()
    assert "time was over" in places.run("slow", [*python, "import time; time.sleep(60)"])
    assert time.monotonic() - began < 30


def test_processes_are_spread_over_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cards(2, 2) == ["0", "1", "0", "1"]
    assert cards(0, 2) == ["", ""]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert cards(2, 2) == ["3", "5", "3", "5"]
    assert cards(1, 2) == ["3", "3"]
    with pytest.raises(ValueError, match=r"leaves 2 GPUs \(3,5\), not 3"):
        cards(3, 1)


def test_shown_pairs_are_chosen_by_place_alone() -> None:
    pairs = shown_pairs(load_dataset("emoji"))
    assert len(pairs) == 7  # of 26 clips every fourth
    assert len(set(pairs)) == 7


def test_a_sheet_is_bounded_in_size() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    content = small_jpeg(Image.fromarray(noise), 30_000)
    assert len(content) <= 30_000
    assert Image.open(io.BytesIO(content)).format == "JPEG"


def test_videos_go_into_parts_in_order_until_one_does_not_fit() -> None:
    assert in_parts([3, 3, 3, 3], limit=6, parts=2) == [[0, 1], [2, 3]]
    assert in_parts([3, 3, 3, 3, 3], limit=6, parts=2) == [[0, 1], [2, 3]]
    assert in_parts([3, 9, 3], limit=6, parts=2) == [[0]]


def test_ranked_sets_are_the_record_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        board.main(["--dataset", "emoji", "--output", "out"])
    assert "python -m smmbench_research.record" in capsys.readouterr().err


@pytest.mark.slow
def test_a_board_is_made_although_a_method_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, output = tmp_path / "results", tmp_path / "out"
    command = ["--gpus", "0", "--scorers", "1", "--limit", "1", "--seed", "0", "--rows", "frozen"]
    folders = ["--results", str(results), "--output", str(output)]
    assert board.main([*command, *folders, "--add", "bad=smm steps=0"]) == 1
    assert "make-bad: exit code 2" in capsys.readouterr().err
    assert {path.name for path in output.iterdir()} == {
        *("board.json", "board.md", "cards.md", "witness.jsonl.gz"),
        *("sheets.tar", "videos-1.tar", "logs.tar.gz"),
    }
