"""The record under a second tracker: correlations, reversed orders, and files that are refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smmbench_research.record import second_tracker
from smmbench_research.record.second_tracker import compared, is_control, main, read_scores

LABELS = ("smm", "vmc", "ditflow", "frozen")
ROOT = Path(__file__).parents[2]
RECORD = ROOT / "datasets/docs/record-emoji-held-out.jsonl.gz"
PAGE = ROOT / "benchmark/docs/tracker-agreement.md"


def lines_of(second: Callable[[float], float]) -> list[dict[str, Any]]:
    """Seven clips, two seeds; `second` is lucas-kanade's score as a function of dis's."""
    return [
        {
            "label": label,
            "clip": f"clip-{clip}",
            "edit": "dog",
            "seed": seed,
            "motion": (value := 0.2 * place + 0.01 * clip + 0.02 * seed),
            "motion_second": second(value),
            "motion_known": value,
            "path": None,
        }
        for place, label in enumerate(LABELS)
        for clip in range(7)
        for seed in (0, 1)
    ]


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def tables(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """The cells of both tables."""
    labels, clips, scores = read_scores(path)
    lines = "\n".join(compared(labels, clips, scores, [label == "frozen" for label in labels]))
    first, second = (
        [line.strip("| ").split(" | ") for line in part.splitlines()[2:]]
        for part in lines.split("\n\n")
    )
    return first, second


def test_identical_columns_agree_fully(tmp_path: Path) -> None:
    found, turned = tables(written(tmp_path / "same.jsonl.gz", lines_of(lambda value: value)))
    assert len(found) == 6 and not turned
    for row in found:
        assert row[2:5] == ["1.000 [1.000, 1.000]"] * 3
        assert row[5] == ".000" and row[6].startswith("0 of ")
    assert [row[1] for row in found[:2]] == ["3 methods", "4 with controls"]


def test_opposite_columns_have_reversed_orders(tmp_path: Path) -> None:
    found, turned = tables(written(tmp_path / "turned.jsonl", lines_of(lambda value: -value)))
    by = {(row[0], row[1]): row for row in found}
    row = by["dis, lucas-kanade", "3 methods"]
    assert row[2:5] == ["-1.000 [-1.000, -1.000]"] * 3 and row[6] == "3 of 3"
    assert by["dis, lucas-kanade", "4 with controls"][6] == "6 of 6"
    assert by["dis, dis+known", "3 methods"][6] == "0 of 3"
    # The largest difference first; the control is not among the methods.
    own = [row for row in turned if row[0] == "dis, lucas-kanade"]
    assert own[0][1:4] == ["ditflow, smm", ".4000", "-.4000"]
    assert {row[1] for row in own} == {"ditflow, smm", "ditflow, vmc", "vmc, smm"}


def test_a_constant_offset_keeps_the_order(tmp_path: Path) -> None:
    found, turned = tables(written(tmp_path / "higher.jsonl", lines_of(lambda value: value + 0.1)))
    assert not turned
    assert found[0][2:6] == [*["1.000 [1.000, 1.000]"] * 3, "-.100"]


def test_a_row_with_other_pairs_is_refused(tmp_path: Path) -> None:
    lines = lines_of(lambda value: value)
    with pytest.raises(
        ValueError, match=r"vmc lacks 1 of 14 pairs, such as \('clip-0', 'dog', 1\)"
    ):
        read_scores(written(tmp_path / "a.jsonl", [*lines[:15], *lines[16:]]))
    with pytest.raises(ValueError, match=r"Line 57 of .* repeats a pair of smm"):
        read_scores(written(tmp_path / "b.jsonl", [*lines, lines[0]]))


@pytest.mark.parametrize("value", [None, float("nan"), "high"])
def test_a_score_that_is_no_number_is_refused(tmp_path: Path, value: object) -> None:
    lines = lines_of(lambda value: value)
    lines[3]["motion_second"] = value
    with pytest.raises(ValueError, match=r"Line 4 of .*motion_second"):
        read_scores(written(tmp_path / "a.jsonl", lines))


def test_files_of_another_kind_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jsonl.gz").write_text("not gzip")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "cut.jsonl.gz").write_bytes(RECORD.read_bytes()[:1000])
    (tmp_path / "words.jsonl").write_text("[]\n")
    other = written(
        tmp_path / "other.jsonl", [{"label": "smm", "clip": "c", "edit": "e", "seed": 0}]
    )
    unknown = lines_of(lambda value: value)
    for line in unknown:
        line["label"] += "-x"
    said = {
        tmp_path / "text.jsonl.gz": "gzip",
        tmp_path / "empty.jsonl": "has no lines",
        tmp_path / "cut.jsonl.gz": "Error: ",
        tmp_path / "words.jsonl": "Line 1 of",
        tmp_path / "missing.jsonl": "missing.jsonl",
        other: "motion: Field required; motion_second: Field required",
        written(tmp_path / "unknown.jsonl", unknown): "No row of the record 'smm-x'",
    }
    for path, message in said.items():
        assert main([str(path)]) == 2
        out, err = capsys.readouterr()
        assert message in err and not out


def test_controls_are_known_by_their_methods() -> None:
    labels, clips, scores = read_scores(RECORD)
    assert {*second_tracker.TRACKERS.values()} == {*scores}
    assert len(labels) == 32 and len(clips) == 234
    controls = {label for label in labels if is_control(label)}
    assert {"frozen", "vae-round-trip", "flow-still"} <= controls and len(controls) == 15
    assert not controls & {"text-only", "sdedit-0.6", "smm-restart"}


@pytest.mark.slow  # 10,000 resamples of twelve correlations
def test_the_page_has_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(RECORD)]) == 0
    page = PAGE.read_text("utf-8").splitlines()
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(printed) > 8
    assert [line for line in printed if line not in page] == []
