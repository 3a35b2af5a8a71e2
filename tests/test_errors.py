"""Whose fault an error is: one rule for all commands; and text on any terminal."""

from __future__ import annotations

import errno
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from smmbench.dataset import load_dataset
from smmbench.dataset.fetching import fetch_dataset
from smmbench.display import prepare_streams, print_document, print_line
from smmbench.errors import Fault, MachineError, VideoError, fault_of, in_words
from smmbench.results import find_records
from smmbench.storage.home import home
from smmbench.video import Video, read_video, write_lossless

CommandLine = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "machine"),
        (OSError(errno.EROFS, "Read-only file system"), "machine"),
        (OSError(errno.EIO, "Input/output error"), "machine"),
        (MachineError("No home."), "machine"),
        (FileNotFoundError(errno.ENOENT, "No such file", "weights"), "user"),
        (ValueError("No such parameter."), "user"),
        (ImportError("Not installed."), "user"),
        (VideoError("It does not decode."), "method"),
        (KeyError("inner"), "method"),
        (RuntimeError("shape"), "method"),
    ],
)
def test_each_error_has_one_fault(error: BaseException, fault: Fault) -> None:
    assert fault_of(error) == fault


def test_what_denies_writing_results_is_the_machine(tmp_path: Path) -> None:
    denied = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "r"))
    assert fault_of(denied) == "user"
    assert fault_of(denied, tmp_path) == "machine"
    gone = FileNotFoundError(errno.ENOENT, "No such file", str(tmp_path / "gone" / "a"))
    assert fault_of(gone, tmp_path / "gone") == "machine"


def test_an_error_of_the_system_is_said_without_its_number() -> None:
    error = OSError(errno.EROFS, "Read-only file system", "/r/a")
    assert in_words(error) == "Read-only file system: '/r/a'."


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMMBENCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    with pytest.raises(MachineError, match="SMMBENCH_HOME"):
        home()


def test_one_broken_record_stops_nobody_else(tmp_path: Path, smmbench: CommandLine) -> None:
    """An empty record (a power cut) and a set that is not known here, beside two good ones."""
    root = tmp_path / "r"
    assert smmbench("run", "--method", "frozen", "--limit", 4, "--results", root)[0] == 0
    folders = [folder for folder, _ in find_records(root)]
    (folders[0] / "record.json").write_bytes(b"")
    record = json.loads((folders[1] / "record.json").read_text())
    record["request"]["dataset"] = "elsewhere"
    (folders[1] / "record.json").write_text(json.dumps(record))
    code, _, err = smmbench("score", root, "--metrics", "temporal_consistency")
    assert code == 1
    assert f"'{folders[0]}" in err and f"'{folders[1]}' is rejected" in err
    assert len(list(root.rglob("scores.json"))) == 2
    (folders[2] / "video.mkv").unlink()
    assert smmbench("score", root, "--metrics", "temporal_consistency")[0] == 1
    assert not (folders[2] / "scores.json").exists()  # of a video that is no more


def test_a_read_only_disk_ends_scoring_and_refuses_no_video(
    tmp_path: Path, smmbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "r"
    assert smmbench("run", "--method", "frozen", "--limit", 1, "--results", root)[0] == 0

    def read_only(folder: Path, *_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(folder))

    monkeypatch.setattr("smmbench.scoring.loop.write_scores", read_only)
    code, _, err = smmbench("score", root, "--metrics", "temporal_consistency")
    assert code == 2 and "Read-only file system" in err and "refused" not in err


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437", "utf-8"])
def test_any_text_goes_to_any_terminal(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    prepare_streams()
    said = {"title": "\N{GREEK SMALL LETTER PI} \N{BEAR FACE}"}
    print_document(json.dumps(said, ensure_ascii=False))
    print_line("\N{BOX DRAWINGS LIGHT HORIZONTAL}\N{BOX DRAWINGS LIGHT VERTICAL}")
    sys.stdout.flush()
    document, line = raw.getvalue().decode(encoding).splitlines()
    assert json.loads(document) == said
    assert line in ("-|", "\N{BOX DRAWINGS LIGHT HORIZONTAL}\N{BOX DRAWINGS LIGHT VERTICAL}")


@pytest.fixture
def results_of_two(tmp_path: Path, smmbench: CommandLine) -> Path:
    """A results folder of one control, two pairs of which are made and scored."""
    root = tmp_path / "results"
    assert smmbench("run", "--method", "frozen", "--limit", 2, "--results", root)[0] == 0
    assert smmbench("score", root, "--metrics", "temporal_consistency")[0] == 0
    return root


def broken_disk(*_: object, **__: object) -> None:
    """What a broken disk does with any file."""
    raise OSError(errno.EIO, "Input/output error", "/r/video.mkv")


def test_a_broken_disk_ends_the_board_and_blames_no_video(
    results_of_two: Path, monkeypatch: pytest.MonkeyPatch, smmbench: CommandLine
) -> None:
    """A video that the disk does not give is not one that counts as worst."""
    for folder, _ in find_records(results_of_two):
        video = folder / "video.mkv"
        video.touch()  # of another time, so that it is hashed
    monkeypatch.setattr("smmbench.scoring.intact.file_sha256", broken_disk)
    code, out, err = smmbench("leaderboard", results_of_two)
    assert (code, out) == (2, "")
    assert err.strip() == "smmbench: Input/output error: '/r/video.mkv'."


def test_a_broken_disk_ends_verification_and_refuses_nothing(
    results_of_two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smmbench: CommandLine
) -> None:
    outputs, archive = tmp_path / "outputs", tmp_path / "s.zip"
    outputs.mkdir()
    for folder, record in find_records(results_of_two):
        name = f"{record.request.clip}__{record.request.edit}.mkv"
        shutil.copyfile(folder / "video.mkv", outputs / name)
    smmbench("import", outputs, "--method", "mine", "--results", tmp_path / "own", "--limit", 2)
    about = ("--authors", "A", "--contact", "a@example.org", "--seen", "none", "--licence", "MIT")
    words = ("submit", tmp_path / "own" / "mine", "--allow-partial", "-o", archive)
    code, _, err = smmbench(*words, *about, "--paper", "none", "--title", "Mine")
    assert code == 0, err
    target = "smmbench_leaderboard.submission.checks.read_video"
    monkeypatch.setattr(target, broken_disk)
    code, out, err = smmbench("verify", archive)
    assert code == 2 and "refused" not in out + err
    assert err.strip().splitlines()[-1] == "smmbench: Input/output error: '/r/video.mkv'."


def test_a_file_that_the_disk_does_not_give_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg says the same of both; the bytes tell them apart."""
    path = tmp_path / "a.mkv"
    write_lossless(path, Video(np.zeros((2, 8, 8, 3), np.uint8), 8.0))

    def failing(*_: object, **__: object) -> None:
        raise av.error.OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("smmbench.video.decoding.av.open", failing)
    with pytest.raises(VideoError, match="cannot be decoded"):
        read_video(path)
    monkeypatch.setattr("smmbench.video.decoding._read_through", broken_disk)
    with pytest.raises(OSError, match="Input/output"):
        read_video(path)


def test_a_full_disk_ends_fetching_instead_of_failing_every_file(
    square_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / "home"))
    text = square_dataset.read_text()
    square_dataset.write_text(text.replace('.mkv", sha256', '.mkv", url = "https://a.b/c", sha256'))
    monkeypatch.setattr("smmbench.dataset.fetching._copy", broken_disk)
    with pytest.raises(OSError, match="Input/output"):
        list(fetch_dataset(load_dataset(square_dataset), tmp_path))


def test_ctrl_c_before_a_command_began_is_no_traceback(
    smmbench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from smmbench import cli

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    assert smmbench("methods", "list") == (130, "", "Stopped.\n")
