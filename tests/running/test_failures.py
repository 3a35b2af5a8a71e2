"""Failures and progress, as a person reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smmbench.display import talk
from smmbench.progress import duration, progress, rate, stage, starting, step
from smmbench.running.failures import failure
from smmbench.video import VideoError

CommandLine = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out-of-memory"),
        (FloatingPointError("NaN in the latent"), "nan"),
        (VideoError("The video is cut."), "decode"),
        (RuntimeError("no"), "method-error"),
        (KeyError("layer"), "method-error"),
    ],
)
def test_the_kind_of_a_failure(error: Exception, kind: str) -> None:
    assert failure(error, "transfer").kind == kind


def test_a_full_gpu_is_out_of_memory() -> None:
    import torch

    found = failure(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried\n to allocate"), "load")
    assert (found.kind, found.stage) == ("out-of-memory", "load")
    assert found.message.startswith("CUDA out of memory. Tried to allocate. Use a preset")
    assert "--set low_memory=true" in found.message
    assert "--batch" in found.message


def test_an_overflow_says_which_type_to_take() -> None:
    found = failure(FloatingPointError("NaN in guidance at timestep 981."), "transfer")
    assert found.message.startswith("NaN in guidance at timestep 981. ")
    assert "--set dtype=bfloat16" in found.message


def test_a_message_is_one_line_of_bounded_length() -> None:
    message = failure(ValueError("word \n" * 1000), "prepare").message
    assert "\n" not in message
    assert len(message) < 600
    assert message.startswith("ValueError: word word")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (90000.0, "25 h 00 min"),
    ],
)
def test_a_duration_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_plain_lines_on_stderr_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress(2, "pairs") as report:
        report("a/dog: 1 s")
        report("a/cat: failed", failed=True)
    out, err = capsys.readouterr()
    begun, first, second = err.splitlines()
    assert out == ""
    assert begun == "[0/2] pairs"  # at once, before anything is finished
    assert first.startswith("[1/2] a/dog: 1 s (")
    assert "pairs/min" in first
    assert "left" in first
    assert second.startswith("[2/2] a/cat: failed (")
    assert "left" not in second


def test_models_that_load_are_no_part_of_the_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("smmbench.progress.time.monotonic", lambda: now[0])
    with progress(62, "videos", loading=True) as report:
        for name, now[0] in (("a", 40.0), ("b", 40.1), ("c", 44.0), ("d", 46.0)):
            report(name)
    assert capsys.readouterr().err.splitlines() == [
        "[0/62] videos",
        "[1/62] a",  # nothing can be said yet
        "[2/62] b",  # another process, which loaded as long
        "[3/62] c (30.0 videos/min, 1 min 58 s left)",
        "[4/62] d (30.0 videos/min, 1 min 56 s left)",
    ]


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [(3, 6.0, "30.0 pairs/min"), (1, 240.0, "15.0 pairs/h"), (1, 7200.0, "12.0 pairs/day")],
)
def test_a_rate_is_never_nought(count: int, seconds: float, text: str) -> None:
    assert rate(count, "pairs", seconds) == text


def test_items_of_unlike_length_have_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(2, "checks", alike=False) as report:
        report("class: kept")
        report("runs: kept")
    said = capsys.readouterr().err.splitlines()
    assert said == ["[0/2] checks", "[1/2] class: kept", "[2/2] runs: kept"]


def test_steps_are_said_now_and_then_and_only_within_a_loop(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step("inversion", 1, 50)  # nobody looks
    monkeypatch.setattr("smmbench.progress.QUIET_SECONDS", 0.0)
    with progress(2, "pairs"):
        stage("encoding")
        step("inversion", 12, 50)
    step("sampling", 1, 50)
    stage("decoding")
    assert capsys.readouterr().err.splitlines() == [
        "[0/2] pairs",
        "[0/2] ... encoding",
        "[0/2] ... inversion 12/50",
    ]


@pytest.mark.parametrize(("terminal", "said"), [(True, ["smm on emoji: starting"]), (False, [])])
def test_a_terminal_is_told_at_once_what_begins(
    terminal: bool,
    said: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    starting("smm on emoji")
    assert capsys.readouterr().err.splitlines() == said


def test_steps_do_not_flood_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(2, "pairs"):
        for number in range(50):
            step("inversion", number, 50)
    assert capsys.readouterr().err.splitlines() == ["[0/2] pairs"]


def test_quiet_says_what_failed_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "quiet", True)
    with progress(2, "pairs") as report:
        report("a/dog: 1 s")
        report("a/cat: failed", failed=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("[2/2] a/cat: failed")


def test_the_command_line_is_quiet_and_logs(
    tmp_path: Path, smmbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "quiet", False)
    monkeypatch.setattr(talk, "log", None)
    log = tmp_path / "talk.log"
    run = ("run", "--method", "frozen", "--limit", 1, "--results", tmp_path / "r")
    code, _, err = smmbench("--quiet", "--log-file", log, *run)
    assert (code, err) == (0, "")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith(" [0/1] pairs: frozen on emoji")
    assert any("frozen on emoji: 1 made" in line for line in lines)
    code, _, err = smmbench("--quiet", "run", "--method", "nosuch")
    assert code == 2 and "No method 'nosuch'" in err


@pytest.mark.parametrize("width", [60, 80, 140])
def test_numbers_are_never_cut_off_by_names(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    now = [0.0]
    monkeypatch.setattr("smmbench.progress.time.monotonic", lambda: now[0])
    with progress(234, "videos") as report:
        for now[0] in (30.0, 60.0):
            report("shuffled butterfly-stop-and-go/butterfly-meadow seed 2: " + "score " * 40)
            step("inversion", 12, 50)
    err = capsys.readouterr().err
    for word in ("2/234", "2.0 videos/min, 1 h 56 min left", "inversion 12/50"):
        assert word in err
