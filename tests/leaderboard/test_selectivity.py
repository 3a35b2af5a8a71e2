"""Selectivity: methods whose use of their reference is known, from the run to the table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from smmbench.api.loops import run, score
from smmbench.dataset import load_dataset, reference_clip, reference_tracks, reference_video
from smmbench.method import Card, Method, Source
from smmbench.metrics.reference_fidelity import selectivity
from smmbench.results import find_records, read_scores
from smmbench.storage.home import file_sha256
from smmbench.video import Video, backwards, held, write_lossless
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.selectivity import SAME_MOTION
from smmbench_leaderboard.board.selectivity_report import selectivity_report

FRAMES, HEIGHT, WIDTH = 7, 48, 64
PATHS = {  # where the ground has gone to in each frame, in pixels
    "right": [(2 * t, 0) for t in range(FRAMES)],
    "up": [(0, -2 * t) for t in range(FRAMES)],
    "down": [(0, 2 * t) for t in range(FRAMES)],
    "swing": [(2 * min(t, FRAMES - 1 - t), 0) for t in range(FRAMES)],  # the same backwards
}
Command = Callable[..., tuple[int, str, str]]


def pan(name: str, seed: int) -> Video:
    """A smooth random ground that moves along a path."""
    noise = np.random.default_rng(seed).normal(size=(3 * HEIGHT, 3 * WIDTH)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    low, high = smooth.min(), smooth.max()
    ground = ((smooth - low) * (255 / (high - low))).astype(np.uint8)
    shots = [ground[HEIGHT - y :][:HEIGHT, WIDTH - x :][:, :WIDTH] for x, y in PATHS[name]]
    return Video(np.repeat(np.stack(shots)[..., None], 3, axis=-1), 8.0)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips whose motion is their first tag, with an edit that keeps the shape and another."""
    folder = tmp_path_factory.mktemp("pans")
    truth = {name: np.array([[path]], dtype=float)[0] for name, path in PATHS.items()}
    text = (
        'name = "pans"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
        f"[protocol]\nframes = {FRAMES}\nwidth = {WIDTH}\nheight = {HEIGHT}\nfps = 8\n"
        'text_model = "none"\ngrid = 5\n'
    )
    for seed, name in enumerate(PATHS):
        video = pan(name, seed)
        write_lossless(folder / f"{name}.mkv", video)
        np.savez(
            folder / f"{name}.npz", tracks=truth[name], visible=np.ones((1, FRAMES), dtype=bool)
        )
        video_sha256, tracks_sha256 = (file_sha256(folder / f"{name}.{e}") for e in ("mkv", "npz"))
        text += (
            f'[[clips]]\nname = "{name}"\ntags = ["{name}"]\nprompt = "{name}"\n'
            f'pixels_sha256 = "{video.pixels_sha256}"\nlicence = "CC0-1.0"\nattribution = "here"\n'
            f'video = {{ path = "{name}.mkv", sha256 = "{video_sha256}" }}\n'
            f'tracks = {{ path = "{name}.npz", sha256 = "{tracks_sha256}" }}\n'
        )
        for edit, kind in (("dog", "object"), ("snow", "scene"))[: 1 + (name == "right")]:
            text += f'[[clips.edits]]\nname = "{edit}"\nprompt = "a {edit}"\nkind = "{kind}"\n'
    path = folder / "pans.toml"
    path.write_text(text)
    return path


@dataclass(frozen=True)
class Nothing:
    """No parameters."""

    shift: int = 0


class Toy(Method[Nothing, Source]):
    """Keeps what it is given."""

    Parameters = Nothing
    card = Card("Toy")

    def prepare(self, source: Source) -> Source:
        return source


class Copy(Toy):
    """Gives the reference back."""

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        return prepared.video


class Ignore(Toy):
    """Moves to the right, whatever it is given."""

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        return pan("right", 11)


class Opposite(Toy):
    """Moves the other way."""

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        return backwards(prepared.video)


class FailsBackwards(Toy):
    """Fails wherever its reference is not the clip itself."""

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        if not np.array_equal(
            prepared.video.frames, pan(prepared.clip, [*PATHS].index(prepared.clip)).frames
        ):
            raise RuntimeError("no such motion")
        return prepared.video


@pytest.fixture(scope="module")
def results(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy methods, two of them with every reference."""
    root = tmp_path_factory.mktemp("results")
    every = ("forward", "reversed", "other", "none")
    for toy in (Copy, Ignore, Opposite, FailsBackwards):
        for reference in every if toy in (Copy, Ignore) else every[:2]:
            run(toy, str(manifest), root, reference=reference, device="cpu")  # type: ignore[arg-type]
    return root


@pytest.fixture(scope="module")
def report(results: Path, manifest: Path) -> dict[str, Any]:
    """What the command says, by label."""
    score(results, str(manifest), device="cpu", metrics=["reference_fidelity", "motion_fidelity"])
    read: dict[str, Any] = selectivity_report(results, str(manifest)).model_dump(mode="json")
    read["by"] = {row["label"]: row for row in read["rows"]}
    return read


def test_s_is_zero_for_equal_videos_and_turns_round_where_they_are_exchanged() -> None:
    assert selectivity(0.3, 0.8, 0.8, 0.3) == 0.0  # one video: its two numbers, twice
    assert selectivity(1.0, -0.5, 1.0, -0.5) == 1.5
    assert selectivity(-0.5, 1.0, -0.5, 1.0) == -1.5


def test_references_are_what_their_names_say(manifest: Path) -> None:
    dataset = load_dataset(manifest)
    right, up, down, swing = dataset.manifest.clips
    own = reference_video(dataset, right, "forward")
    assert own.pixels_sha256 == right.pixels_sha256
    turned = reference_video(dataset, right, "reversed")
    assert np.array_equal(turned.frames[::-1], own.frames) and turned.fps == own.fps
    assert backwards(turned).pixels_sha256 == own.pixels_sha256
    still = reference_video(dataset, right, "none")
    assert (still.frames == own.frames[0]).all() and still.pixels_sha256 == held(own).pixels_sha256
    assert reference_clip(dataset, right, "other") == up
    assert reference_clip(dataset, swing, "other") == right  # in a circle
    assert reference_video(dataset, down, "other").pixels_sha256 == swing.pixels_sha256
    tracks = reference_tracks(dataset, right, "reversed")
    assert np.array_equal(tracks.points[0, ::-1], np.array(PATHS["right"], dtype=float))
    with pytest.raises(ValueError, match="no motion"):
        reference_tracks(dataset, right, "none")


def test_another_clip_has_another_motion_or_is_refused_at_once(
    manifest: Path, tmp_path: Path, smmbench: Command
) -> None:
    shutil.copytree(manifest.parent, tmp_path / "same")
    same = tmp_path / "same" / "pans.toml"
    text = same.read_text()
    for name in PATHS:
        text = text.replace(f'tags = ["{name}"]', 'tags = ["one", "and more"]')
    same.write_text(text)
    code, _, err = smmbench(
        "run",
        "--method",
        "frozen",
        "--dataset",
        same,
        "--reference",
        "other",
        "--results",
        tmp_path,
    )
    assert code == 2 and "no other reference" in err
    assert not list(tmp_path.rglob("record.json"))


@pytest.mark.slow
def test_records_say_what_was_given(results: Path, manifest: Path) -> None:
    dataset = load_dataset(manifest)
    clips = {clip.name: clip for clip in dataset.manifest.clips}
    seen = set()
    for folder, record in find_records(results / "copy"):
        request = record.request
        seen.add(request.reference)
        given = reference_video(dataset, clips[request.clip], request.reference)
        assert record.reference_sha256 == given.pixels_sha256 == record.pixels_sha256
        assert record.source_sha256 == clips[request.clip].pixels_sha256
        assert bool(record.reference_clip) == (request.reference == "other")
        ending = "" if request.reference == "forward" else f"-{request.reference}"
        assert folder.name == f"seed-0{ending}"
    assert seen == {"forward", "reversed", "other", "none"}


@pytest.mark.slow
def test_a_copy_has_one_and_what_ignores_its_reference_has_zero(report: dict[str, Any]) -> None:
    for against in ("reversed", "other"):
        copy, ignore = (report["by"][name]["selectivity"][against] for name in ("copy", "ignore"))
        assert copy["mean"] == pytest.approx(1.0)
        assert copy["interval"] == pytest.approx((1.0, 1.0))
        assert ignore["mean"] == 0.0 and ignore["interval"] == [0.0, 0.0]
    assert report["by"]["opposite"]["selectivity"]["reversed"]["mean"] == pytest.approx(-1.0)


@pytest.mark.slow
def test_the_same_motion_backwards_is_left_out_and_said(
    report: dict[str, Any], results: Path, manifest: Path, smmbench: Command
) -> None:
    alike = report["alike"]["reversed"]
    assert alike["swing"] > SAME_MOTION > max(alike[n] for n in ("right", "up", "down"))
    found = report["by"]["copy"]["selectivity"]["reversed"]
    assert found["left_out"] == ["swing"]
    assert (found["pairs"], found["clips"]) == (4, 3)
    _, out, _ = smmbench("selectivity", results, "--dataset", manifest, "--as-scored")
    assert "swing" in out and f"{SAME_MOTION:g}" in out


@pytest.mark.slow
def test_motion_by_reference_shows_what_a_method_does_without(report: dict[str, Any]) -> None:
    motion = report["by"]["ignore"]["motion"]
    assert len(set(motion.values())) == 1 and len(motion) == 4
    motion = report["by"]["copy"]["motion"]
    assert motion["forward"] == pytest.approx(1.0)
    assert motion["none"] == 0.0  # a still


@pytest.mark.slow
def test_a_failed_pair_counts_zero_and_is_counted(report: dict[str, Any]) -> None:
    row = report["by"]["fails-backwards"]
    assert row["selectivity"]["reversed"]["mean"] == 0.0
    assert row["selectivity"]["reversed"]["failed"] == row["selectivity"]["reversed"]["pairs"] == 4
    assert any("fails-backwards" in note and "4 pairs" in note for note in report["notes"])


@pytest.mark.slow
def test_parts_of_the_pairs(report: dict[str, Any]) -> None:
    parts = report["by"]["copy"]["strata"]["reversed"]
    names = {(part["of"], part["name"]) for part in parts}
    assert ("camera", "moving") in names  # the whole ground moves
    assert {name for of, name in names if of == "motion"} == {"right", "up", "down"}
    assert {name for of, name in names if of == "shape"} == {"shape kept", "another shape"}
    for of in ("camera", "motion", "shape"):
        assert sum(part["pairs"] for part in parts if part["of"] == of) == 4


@pytest.mark.slow
def test_the_board_has_a_column_and_no_pair_of_another_reference(
    report: dict[str, Any], results: Path, manifest: Path, smmbench: Command
) -> None:
    board = make_board(results, str(manifest))
    row = next(row for row in board.rows if row.label == "copy")
    assert row.coverage.done == 5
    assert row.selectivity["reversed"].mean == pytest.approx(1.0)
    for format, needle in (("markdown", "S, reversed"), ("csv", "selectivity_reversed")):
        _, out, _ = smmbench("leaderboard", results, "--dataset", manifest, "--format", format)
        assert needle in out


@pytest.mark.slow
def test_a_board_shows_no_selectivity_of_a_few_clips(
    report: dict[str, Any], results: Path, manifest: Path, tmp_path: Path
) -> None:
    """A run that is under way, or a choice of clips, has no number yet; the note says so."""
    own = tmp_path / "results"
    shutil.copytree(results, own)
    (copied,) = (row for row in make_board(own, str(manifest)).rows if row.label == "copy")
    kept: set[str] = set()
    for folder, record in find_records(own / "copy"):
        if record.request.reference == "reversed" and kept - {record.request.clip}:
            shutil.rmtree(folder)
        elif record.request.reference == "reversed" and record.request.clip != "swing":
            kept.add(record.request.clip)
    board = make_board(own, str(manifest))
    (row,) = (row for row in board.rows if row.label == "copy")
    assert "reversed" in copied.selectivity
    assert "reversed" not in row.selectivity
    assert any(note.endswith("not yet for copy.") for note in board.notes), board.notes


@pytest.mark.slow
def test_marks_of_a_copy_of_its_reference(report: dict[str, Any], results: Path) -> None:
    """A copy of a reference is marked as a copy of the source is: nothing was transferred."""
    for folder, record in find_records(results / "copy"):
        if record.request.reference != "none":
            scores = read_scores(folder)
            assert scores is not None
            assert any(mark.marked for mark in scores.marks), folder


@pytest.mark.slow
def test_videos_of_another_reference_than_said_are_refused(
    report: dict[str, Any], results: Path, manifest: Path, tmp_path: Path, smmbench: Command
) -> None:
    own = tmp_path / "results"
    shutil.copytree(results / "copy", own / "copy")
    record = next(own.glob("copy/pans/right/dog/seed-0-reversed/record.json"))
    changed = json.loads(record.read_text())
    changed["reference_sha256"] = "1" * 64
    record.write_text(json.dumps(changed))
    code, out, err = smmbench(
        "score", record.parent, "--dataset", manifest, "--metrics", "reference_fidelity", "--json"
    )
    assert code == 1 and "another reference 'reversed'" in out + err


@pytest.mark.slow
def test_other_parameters_are_not_compared(results: Path, manifest: Path, tmp_path: Path) -> None:
    own = tmp_path / "results"
    shutil.copytree(results / "copy", own / "copy")
    shutil.rmtree(own / "copy" / "pans")
    run(Copy, str(manifest), own, device="cpu")
    run(Copy, str(manifest), own, reference="other", parameters={"shift": 1}, device="cpu")
    with pytest.raises(ValueError, match="another reference"):
        selectivity_report(own, str(manifest))


@pytest.mark.slow
def test_without_another_reference_the_command_says_how_to_make_it(
    manifest: Path, tmp_path: Path, smmbench: Command
) -> None:
    run(Copy, str(manifest), tmp_path, device="cpu")
    code, _, err = smmbench("selectivity", tmp_path, "--dataset", manifest)
    assert code == 2 and "--reference reversed" in err


def test_an_unknown_reference_is_refused(manifest: Path, tmp_path: Path, smmbench: Command) -> None:
    code, _, err = smmbench(
        "run", "--method", "frozen", "--dataset", manifest, "--results", tmp_path,
        "--reference", "backwards",
    )  # fmt: skip
    assert code == 2 and "reversed" in err


@pytest.mark.slow
def test_files_and_the_plot(
    report: dict[str, Any], results: Path, manifest: Path, tmp_path: Path, smmbench: Command
) -> None:
    for ending in (".md", ".csv", ".json"):
        path = tmp_path / f"table{ending}"
        code, *_ = smmbench(
            "selectivity", results, "--dataset", manifest, "--as-scored", "-o", path,
            "--plot", tmp_path / "plot.png",
        )  # fmt: skip
        assert code == 0 and "copy" in path.read_text()
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = smmbench("selectivity", results, "--dataset", manifest, "-o", tmp_path / "a.doc")
    assert code == 2 and ".csv" in err
