"""The loop that scores: what it computes, keeps, refuses and survives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from smmbench.dataset import load_dataset
from smmbench.method import Card
from smmbench.metrics import Measured, Task, all_metrics, metric, metric_names
from smmbench.metrics.motion_fidelity import MotionFidelity
from smmbench.results import (
    VIDEO,
    Environment,
    Failure,
    Mark,
    MethodFile,
    Request,
    RunRecord,
    Score,
    method_folder,
    read_scores,
    result_folder,
    write_method,
    write_record,
    write_scores,
)
from smmbench.results.files import SCORES
from smmbench.scoring.loop import Outcome, ScoreLoop, chosen_metrics, results_below, state
from smmbench.scoring.models.encoders import WeightsUnavailableError
from smmbench.scoring.models.text_model import TextModel
from smmbench.scoring.options import Options
from smmbench.scoring.summary import complaints, summarise
from smmbench.storage.array_cache import cached_arrays, origin_key
from smmbench.storage.home import file_sha256
from smmbench.storage.local_paths import is_local, without_path
from smmbench.tracking.lucas_kanade import LucasKanade
from smmbench.video import Video, write_lossless
from smmbench_leaderboard.board.build import make_board

FRAMES, HEIGHT, WIDTH = 5, 48, 64
AXES = ("text_similarity", "motion_fidelity")
BY_TEXT_MODEL = ("text_similarity", "temporal_consistency", "temporal_consistency_pairs")
LONG = "a dog and a cat and a cow and a bee run over the green hill"


def panned(step: tuple[float, float], seed: int) -> Video:
    """Smooth random texture that moves by `step` pixels a frame."""
    noise = np.random.default_rng(seed).normal(size=(3 * HEIGHT, 3 * WIDTH)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    low, high = smooth.min(), smooth.max()
    ground = ((smooth - low) * (255 / (high - low))).astype(np.uint8)
    shots = [
        ground[
            HEIGHT - round(step[1] * t) : 2 * HEIGHT - round(step[1] * t),
            WIDTH - round(step[0] * t) : 2 * WIDTH - round(step[0] * t),
        ]
        for t in range(FRAMES)
    ]
    return Video(np.repeat(np.stack(shots)[..., None], 3, axis=-1), 8.0)


RIGHT, UP, STILL = panned((2, 0), 0), panned((0, -3), 1), panned((0, 0), 2)


class Bench:
    """A dataset of three clips (right, up, still) and a results folder."""

    def __init__(self, root: Path, text_model: Path) -> None:
        self.data, self.results = root / "data", root / "results"
        self.data.mkdir()
        self.sources = {"right": RIGHT, "up": UP, "still": STILL}
        truth = np.zeros((4, FRAMES, 2))
        truth[..., 0] = 2 * np.arange(FRAMES)
        np.savez(self.data / "right.npz", tracks=truth, visible=np.ones((4, FRAMES), dtype=bool))
        clips = []
        for name, video in self.sources.items():
            path = self.data / f"{name}.mkv"
            write_lossless(path, video)
            tracks = f'{{ path = "right.npz", sha256 = "{file_sha256(self.data / "right.npz")}" }}'
            clips.append(
                f"""
[[clips]]
name = "{name}"
video = {{ path = "{name}.mkv", sha256 = "{file_sha256(path)}" }}
pixels_sha256 = "{video.pixels_sha256}"
licence = "CC0-1.0"
attribution = "test"
{"tracks = " + tracks if name == "right" else ""}
[[clips.edits]]
name = "dog"
prompt = "a dog"
[[clips.edits]]
name = "long"
prompt = "{LONG}"
"""
            )
        head = f"""
name = "tiny"
version = 3
title = "Tiny"
description = "Three pans."
licence = "CC0-1.0"
[protocol]
frames = {FRAMES}
width = {WIDTH}
height = {HEIGHT}
fps = 8.0
text_model = "{text_model}"
grid = 5
"""
        self.manifest = self.data / "tiny.toml"
        self.manifest.write_text(head + "".join(clips))
        self.dataset = load_dataset(self.manifest)

    def put(
        self,
        method: str,
        clip: str,
        video: Video | None,
        edit: str = "dog",
        **changes: Any,
    ) -> Path:
        """Write a result as `smmbench run` does; no video: a failed one."""
        request = Request(
            method=method, dataset="tiny", dataset_version=3, clip=clip, edit=edit, seed=0
        )
        folder = result_folder(self.results, request)
        folder.mkdir(parents=True, exist_ok=True)
        failure = Failure(kind="nan", message="not a number", stage="transfer")
        if video is not None:
            write_lossless(folder / VIDEO, video)
        fields: dict[str, Any] = {
            "status": "done" if video else "failed",
            "request": request,
            "source_sha256": self.sources[clip].pixels_sha256,
            "prompt": "a dog" if edit == "dog" else LONG,
            "entry": "toy:Toy",
            "parameters": {},
            "parameters_sha256": "0" * 64,
            "environment": Environment(device="cpu", python="3.11", packages={}),
            "pixels_sha256": video.pixels_sha256 if video else "",
            "failure": None if video else failure,
        }
        write_record(folder, RunRecord(**fields | changes))
        return folder

    def score(self, **options: Any) -> list[Outcome]:
        loop = ScoreLoop(Options(**options), [self.dataset])
        return list(loop.run(results_below(self.results)))


@pytest.fixture
def bench(tmp_path: Path, tiny_clip: Path) -> Bench:
    return Bench(tmp_path, tiny_clip)


def scores_in(folder: Path) -> dict[str, Score]:
    file = read_scores(folder)
    return {} if file is None else {score.metric: score for score in file.scores}


def test_a_source_copy_has_the_motion_and_another_clip_does_not(bench: Bench) -> None:
    copy, other = bench.put("copy", "right", RIGHT), bench.put("other", "right", UP)
    bench.score()
    copied, another = scores_in(copy)["motion_fidelity"], scores_in(other)["motion_fidelity"]
    assert copied.value == pytest.approx(1)
    assert copied.details["sum"] == pytest.approx(2)
    assert copied.details["source_moving"] == 25
    assert another.value is not None
    assert another.value < 0.5
    mean = (another.details["source_to_output"] + another.details["output_to_source"]) / 2
    assert another.value == pytest.approx(mean)


def test_a_frozen_output_has_no_motion_and_the_same_text_in_every_frame(bench: Bench) -> None:
    frozen = Video(np.repeat(RIGHT.frames[:1], FRAMES, axis=0), 8.0)
    folder = bench.put("frozen", "right", frozen)
    bench.score()
    scores = scores_in(folder)
    assert scores["motion_fidelity"].value == 0
    assert scores["text_similarity"].value is not None
    assert -1 <= scores["text_similarity"].value <= 1


def test_every_score_has_its_origin_and_a_key_of_it(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    text, motion = (scores_in(folder)[name] for name in AXES)
    assert text.origin["output"] == RIGHT.pixels_sha256
    assert text.origin["prompt"] == "a dog"
    assert text.origin["text_model"]["weights"]
    assert motion.origin["source"] == RIGHT.pixels_sha256
    assert motion.origin["tracker"]["tracker"] == "lucas-kanade"
    assert motion.origin["tracker"]["grid"] == 5
    assert motion.origin["protocol"]["still_threshold"] == 0.5
    assert text.key != motion.key


def marks_in(folder: Path) -> dict[str, Mark]:
    file = read_scores(folder)
    return {} if file is None else {mark.name: mark for mark in file.marks}


def test_marks_stand_beside_the_scores(bench: Bench) -> None:
    """A copy is marked as one, a still as one, and other motion is not marked."""
    copy, other = bench.put("copy", "right", RIGHT), bench.put("other", "right", UP)
    frozen = bench.put("frozen", "right", Video(np.repeat(RIGHT.frames[:1], FRAMES, axis=0), 8.0))
    outcomes = {outcome.folder: outcome for outcome in bench.score()}
    holding = {
        folder: {name for name, mark in marks_in(folder).items() if mark.marked}
        for folder in (copy, other, frozen)
    }
    assert holding == {
        copy: {"source_share", "moved_source"},
        other: set(),
        frozen: {"moving_structure"},
    }
    assert "marked (source_share, moved_source)" in outcomes[copy].line(AXES)
    mark = marks_in(copy)["source_share"]
    assert mark.origin["output"] == mark.origin["source"] == RIGHT.pixels_sha256
    assert mark.key == origin_key(mark.origin)


def test_summary_and_board_count_the_same(bench: Bench) -> None:
    """Failed, missing, marked and honest pairs, of a method and of a control."""
    for label, kind in (("cheat", "method"), ("anchor", "control")):
        card = Card(title=label, kind=kind)
        file = MethodFile(label=label, entry="tests:Copy", card=card)
        write_method(method_folder(bench.results, label), file)
        bench.put(label, "right", RIGHT)  # a copy, which is marked
        bench.put(label, "up", RIGHT)
        bench.put(label, "right", None, edit="long")
    outcomes = bench.score()
    lines = {line.method: line for line in summarise(outcomes, AXES)}
    rows = {row.label: row for row in make_board(bench.results, str(bench.manifest)).rows}
    for label, line in lines.items():
        for name in AXES:
            assert line.means[name] == pytest.approx(rows[label].cells[name].mean)
        assert line.marked / line.results == rows[label].marked_share
    (motion,) = (
        score.value
        for outcome in outcomes
        for score in outcome.scores
        if (outcome.record.request.method, outcome.record.request.clip) == ("cheat", "up")
        and score.metric == "motion_fidelity"
    )
    assert motion is not None
    assert lines["cheat"].means["motion_fidelity"] == pytest.approx((-1 + motion - 1) / 3)
    assert lines["anchor"].means["motion_fidelity"] == pytest.approx((1 + motion - 1) / 3)
    assert lines["cheat"].marked == lines["anchor"].marked == 1


def test_marks_are_measured_once_and_by_the_rules_of_now(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    first = marks_in(folder)
    file = read_scores(folder)
    assert file is not None
    older = tuple(mark.model_copy(update={"key": "0" * 64, "value": 0.5}) for mark in file.marks)
    write_scores(folder, file.model_copy(update={"marks": older}))
    bench.score()
    assert marks_in(folder) == first


def test_nothing_is_computed_or_written_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    before = (folder / "scores.json").stat().st_mtime_ns

    def forbidden(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(LucasKanade, "track", forbidden)
    monkeypatch.setattr(TextModel, "embed_frames", forbidden)
    monkeypatch.setattr(TextModel, "embed_text", forbidden)
    assert not bench.score()[0].error
    assert (folder / "scores.json").stat().st_mtime_ns == before


def test_a_source_is_tracked_once_for_all_methods(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method, video in (("copy", RIGHT), ("other", UP), ("third", STILL)):
        bench.put(method, "right", video)
    tracked: list[str] = []
    follow = LucasKanade.track

    def counting(self: LucasKanade, video: Video) -> object:
        tracked.append(video.pixels_sha256)
        return follow(self, video)

    monkeypatch.setattr(LucasKanade, "track", counting)
    bench.score(metrics=("motion_fidelity",))
    expected = {video.pixels_sha256 for video in (RIGHT, UP, STILL)}
    assert sorted(tracked) == sorted(expected)  # each once; a copy has the pixels of its source


def test_new_pixels_are_scored_anew(bench: Bench) -> None:
    folder = bench.put("method", "right", RIGHT)
    bench.score()
    bench.put("method", "right", UP)
    bench.score()
    file = read_scores(folder)
    assert file is not None
    assert file.pixels_sha256 == UP.pixels_sha256
    value = scores_in(folder)["motion_fidelity"].value
    assert value is not None
    assert value < 0.5


def test_one_metric_leaves_the_others_as_they_are(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    before = scores_in(folder)
    bench.score(metrics=("motion_fidelity",))
    assert scores_in(folder) == before


def test_a_score_under_another_key_is_computed_anew(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    file = read_scores(folder)
    assert file is not None
    old = file.model_copy(
        update={"scores": tuple(s.model_copy(update={"key": "0" * 64}) for s in file.scores)}
    )
    write_scores(folder, old)
    bench.score()
    assert read_scores(folder) == file


def test_a_failed_run_has_no_scores_and_counts_as_worst(bench: Bench) -> None:
    folder = bench.put("method", "right", RIGHT)
    bench.put("method", "up", RIGHT)
    bench.score()
    bench.put("method", "right", None)
    outcomes = bench.score()
    assert not (folder / "scores.json").exists()
    (line,) = summarise(outcomes, ("motion_fidelity",))
    assert (line.scored, line.results) == (1, 2)
    score = next(s for o in outcomes for s in o.scores if s.metric == "motion_fidelity")
    assert score.value is not None
    # -1 is the worst.
    assert line.means["motion_fidelity"] == pytest.approx((score.value - 1) / 2)
    # Floors stand beside the mean, over the one that has them.
    assert line.floors["motion_fidelity"]["floor"] == score.details["floor"] > 0


def test_a_changed_video_is_refused(bench: Bench) -> None:
    folder = bench.put("method", "right", RIGHT)
    write_lossless(folder / VIDEO, UP)
    (outcome,) = bench.score()
    assert "other pixels" in outcome.error
    assert not (folder / "scores.json").exists()


def test_a_missing_or_short_video_is_refused_and_others_go_on(bench: Bench) -> None:
    folder = bench.put("a", "right", RIGHT)
    (folder / VIDEO).unlink()
    bench.put("b", "right", Video(RIGHT.frames[:3], 8.0))
    good = bench.put("c", "right", RIGHT)
    missing, short, fine = bench.score()
    assert "no such file" in missing.error
    assert "too few" in short.error
    assert not fine.error
    assert set(scores_in(good)) == set(metric_names())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_sha256": "1" * 64}, "Made from other pixels"),
        ({"request": {"dataset_version": 2}}, "Made for version 2"),
        ({"request": {"clip": "left"}}, "'left'"),
    ],
)
def test_results_of_another_dataset_are_refused(
    bench: Bench, changes: dict[str, Any], message: str
) -> None:
    if "request" in changes:
        given = {"method": "m", "dataset": "tiny", "dataset_version": 3, "clip": "right"}
        changes = {"request": Request(**{**given, "edit": "dog", "seed": 0, **changes["request"]})}
    bench.put("m", "right", RIGHT, **changes)
    (outcome,) = bench.score()
    assert message in outcome.error


def test_a_video_is_scored_in_the_normal_form(bench: Bench) -> None:
    large = cv2_resized(RIGHT, 2)
    folder = bench.put("large", "right", large)
    bench.score()
    score = scores_in(folder)["motion_fidelity"]
    assert score.value is not None
    assert score.value > 0.9
    assert score.origin["output"] != large.pixels_sha256  # what was scored is the normal form


def cv2_resized(video: Video, factor: int) -> Video:
    frames = video.frames.repeat(factor, axis=1).repeat(factor, axis=2)
    return Video(frames, video.fps)


def test_a_source_that_does_not_move_gives_no_number_and_says_why(bench: Bench) -> None:
    folder = bench.put("method", "still", RIGHT)
    (outcome,) = bench.score()
    score = scores_in(folder)["motion_fidelity"]
    assert score.value is None
    assert "Nothing in the source moves" in score.note
    assert set(outcome.missing(metric_names())) == {"motion_fidelity"}


def test_where_every_pair_failed_the_next_step_is_no_board(bench: Bench) -> None:
    bench.put("broken", "right", None)
    where = ["score", str(bench.results), "--dataset", str(bench.manifest), "--device", "cpu"]
    said = command(*where)
    assert said.exit_code == 0 and "every pair failed" in said.stderr
    assert "Next:" not in said.stderr
    bench.put("method", "right", RIGHT)
    said = command(*where, "--metrics", "motion_fidelity")
    assert "every pair failed" not in said.stderr and "Next: smmbench leaderboard" in said.stderr


def test_a_long_prompt_is_noted(bench: Bench) -> None:
    folder = bench.put("method", "right", RIGHT, edit="long")
    bench.score(metrics=("text_similarity",))
    assert "longer than the 12 tokens" in scores_in(folder)["text_similarity"].note
    where = ["score", str(bench.results), "--dataset", str(bench.manifest), "--device", "cpu"]
    said = command(*where, "--metrics", "text_similarity")
    assert said.exit_code == 0  # there is a number; what it leaves out is said
    assert "warning: text_similarity: The prompt is longer than the 12 tokens" in said.stderr


def test_without_weights_other_metrics_go_on_and_old_numbers_stay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bench.put("old", "right", RIGHT)
    bench.score()
    numbers = scores_in(old)
    new = bench.put("new", "right", RIGHT)

    def out_of_reach(self: TextModel, spec: str, device: str) -> None:
        raise WeightsUnavailableError("no network here")

    monkeypatch.setattr(TextModel, "__init__", out_of_reach)
    made, kept = bench.score()
    assert scores_in(old) == numbers
    assert not kept.missing(metric_names())
    assert made.missing(metric_names()) == dict.fromkeys(BY_TEXT_MODEL, "no network here")
    (line,) = complaints([made, kept], metric_names())  # one reason for all metrics of the model
    assert line.endswith(f"of '{new}' could not be computed: no network here")
    assert all(name in line for name in BY_TEXT_MODEL)
    assert scores_in(new)["motion_fidelity"].value == pytest.approx(1)


def test_a_tracker_that_is_not_here_takes_no_number_away(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    before = scores_in(folder)
    (outcome,) = bench.score(tracker="cotracker3:/no/such/file.pth")
    assert outcome.missing(("motion_fidelity",))  # asked for and not had: said, ends with 1
    assert scores_in(folder) == before


def test_a_text_model_is_known_by_its_tensors_and_not_by_its_path(
    bench: Bench, tiny_clip: Path, tmp_path: Path
) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    before = scores_in(folder)
    same, other = tmp_path / "same-weights", tmp_path / "other-weights"
    shutil.copytree(tiny_clip, same)
    bench.score(text_model=str(same))
    assert scores_in(folder) == before
    assert before["text_similarity"].origin["protocol"]["text_model"] == "local"
    assert str(tmp_path) not in (folder / SCORES).read_text("utf-8")

    shutil.copytree(tiny_clip, other)
    (weights,) = other.glob("*.safetensors")
    tensors = load_file(weights)
    save_file({name: np.asarray(tensor + 0.01) for name, tensor in tensors.items()}, weights)
    bench.score(text_model=str(other))
    after = scores_in(folder)
    assert after["text_similarity"].key != before["text_similarity"].key
    assert after["text_similarity"].value != before["text_similarity"].value
    assert after["motion_fidelity"] == before["motion_fidelity"]  # does not depend on it


def test_a_score_that_holds_a_path_is_kept_and_loses_it(bench: Bench, tiny_clip: Path) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    before = read_scores(folder)
    assert before is not None

    def with_path(score: Score) -> Score:  # as smmbench wrote them first
        origin = json.loads(json.dumps(score.origin).replace('"local"', f'"{tiny_clip}"'))
        return score.model_copy(update={"origin": origin, "key": origin_key(origin), "note": "!"})

    write_scores(folder, before.model_copy(update={"scores": (*map(with_path, before.scores),)}))
    assert str(tiny_clip) in (folder / SCORES).read_text("utf-8")
    bench.score()
    after = scores_in(folder)
    assert {score.note for score in after.values()} == {"!"}  # kept, not computed again
    assert str(tiny_clip) not in (folder / SCORES).read_text("utf-8")
    assert [s.key for s in after.values()] == [s.key for s in before.scores]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("dis", "dis"),
        ("emoji-clip", "emoji-clip"),
        ("ViT-B-32:openai", "ViT-B-32:openai"),
        ("ViT-B-32:/home/me/w.pt", "ViT-B-32:local"),
        ("ViT-B-32:weights.safetensors", "ViT-B-32:local"),
        ("cotracker3:~/scaled_offline.pth", "cotracker3:local"),
        ("/home/me/clip", "local"),
        ("./clip", "local"),
    ],
)
def test_names_without_paths(spec: str, named: str) -> None:
    assert without_path(spec) == named
    assert without_path(named) == named and is_local(named) == ("local" in named)


def test_a_summary_keeps_other_references_apart(bench: Bench) -> None:
    bench.put("copy", "right", RIGHT)
    (own,) = bench.score(metrics=("motion_fidelity",))
    request = own.record.request.model_copy(update={"reference": "reversed"})
    other = replace(own, record=own.record.model_copy(update={"request": request}), scores=())
    one, two = summarise([own, other], ("motion_fidelity",))
    assert (one.reference, one.results, one.scored) == ("forward", 1, 1)
    assert one == summarise([own], ("motion_fidelity",))[0]
    assert (two.reference, two.results, two.scored) == ("reversed", 1, 0)


def test_true_tracks_of_sources(bench: Bench) -> None:
    folder, without = bench.put("copy", "right", RIGHT), bench.put("copy", "up", UP)
    bench.score(metrics=("motion_fidelity",), source_tracks="known")
    score = scores_in(folder)["motion_fidelity"]
    assert score.value is not None
    assert score.value > 0.9
    assert score.origin["source_tracked_by"] == "known"
    assert score.details["source_moving"] == 4
    assert scores_in(without)["motion_fidelity"].value is None


def test_a_broken_cache_entry_is_made_again(own_home: Path) -> None:
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"points": np.arange(1000.0)}

    def cached() -> np.ndarray:
        return cached_arrays("tracks", {"pixels": "a"}, compute)["points"]

    np.testing.assert_array_equal(cached(), cached())
    assert len(calls) == 1
    (path,) = (own_home / "cache").rglob("*.npz")
    assert np.load(path).files == ["points"]  # and nothing that NumPy took for an array
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for n, content in enumerate((whole[:300], b"", bytes(flipped)), start=2):
        path.write_bytes(content)
        np.testing.assert_array_equal(cached(), np.arange(1000.0))
        assert len(calls) == n
    cached_arrays("tracks", {"pixels": "b"}, compute)
    assert len(calls) == 5


def test_what_there_is_to_score(bench: Bench) -> None:
    with pytest.raises(ValueError, match="No results folder"):
        results_below(bench.results)
    bench.put("a", "right", None)
    bench.put("b", "right", RIGHT)
    bench.put("c", "right", RIGHT)
    assert len(results_below(bench.results)) == 3
    (folder, record), (_, other) = results_below(bench.results, limit=1)
    assert [record.request.method, other.request.method] == ["b", "c"]  # a pair of each; a has none
    assert state(folder, record, "motion_fidelity") == "no score"
    bench.score()
    assert state(folder, record, "motion_fidelity") == "1.000"
    with pytest.raises(ValueError, match="No results of dataset 'emoji'"):
        results_below(bench.results, dataset="emoji")


def test_metrics_by_name() -> None:
    assert chosen_metrics("motion_fidelity, text_similarity") == tuple(reversed(AXES))
    assert metric_names() == (*AXES, *BY_TEXT_MODEL[1:])
    with pytest.raises(LookupError, match=r"No metric 'motion'\. Did you mean 'motion_fidelity'"):
        chosen_metrics("motion")
    for known in all_metrics():
        assert metric(known.name) is known
        assert known.worst == (known.minimum if known.higher_is_better else known.maximum)
        assert known.description.endswith(".")


def command(*arguments: str) -> Any:
    from smmbench.cli import app

    return CliRunner().invoke(app, arguments)


def test_command_scores_and_prints_json(bench: Bench) -> None:
    bench.put("copy", "right", RIGHT)
    where = ["score", str(bench.results), "--dataset", str(bench.manifest), "--device", "cpu"]
    result = command(*where, "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["results"][0]["scores"]["motion_fidelity"] == pytest.approx(1)
    # A copy is marked, and counts as the worst.
    assert content["results"][0]["marks"] == ["source_share", "moved_source"]
    assert content["methods"][0]["means"]["motion_fidelity"] == -1
    assert "smmbench leaderboard" in result.stderr
    table = command(*where)
    assert "1.000" in table.stdout
    assert "1 of 1" in table.stdout


def test_command_says_what_went_wrong_and_exits_1(bench: Bench) -> None:
    bench.put("copy", "still", RIGHT)
    changed = bench.put("copy", "right", RIGHT)
    write_lossless(changed / VIDEO, UP)
    where = ["score", str(bench.results), "--dataset", str(bench.manifest), "--device", "cpu"]
    result = command(*where)
    assert result.exit_code == 1
    assert "is rejected" in result.stderr
    assert "motion_fidelity of " in result.stderr
    assert "Nothing in the source moves" in result.stderr
    shutil.rmtree(changed)
    assert command(*where, "--metrics", "text_similarity").exit_code == 0


def test_command_tells_what_it_would_do(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    where = ["score", str(bench.results), "--dataset", str(bench.manifest)]
    result = command(*where, "--dry-run", "--json")
    assert json.loads(result.stdout)["results"] == [
        {"folder": str(folder)} | dict.fromkeys(metric_names(), "no score")
    ]
    assert not (folder / "scores.json").exists()
    assert "no score" in command(*where, "--dry-run").stdout


def test_command_lists_the_metrics() -> None:
    listed = json.loads(command("metrics", "list", "--json").stdout)
    assert [known["name"] for known in listed] == [known.name for known in all_metrics()]
    assert all(name in command("metrics", "list").stdout for name in metric_names())


def test_a_video_of_another_prompt_is_refused(bench: Bench) -> None:
    bench.put("copy", "right", RIGHT, prompt="a cat")
    (outcome,) = bench.score()
    assert "Made for the prompt 'a cat'" in outcome.error and "asks for 'a dog'" in outcome.error


def test_a_replaced_video_loses_the_scores_of_the_other_one(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    write_lossless(folder / VIDEO, UP)
    (outcome,) = bench.score()
    assert "other pixels" in outcome.error
    assert read_scores(folder) is None


def test_scores_that_cannot_be_read_are_computed_anew(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    bench.score()
    whole = scores_in(folder)
    (folder / "scores.json").write_text("{")
    with pytest.raises(ValueError, match="`smmbench score` on its folder rewrites it"):
        read_scores(folder)
    bench.score()
    assert scores_in(folder) == whole


def test_two_that_score_at_once_lose_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bench.put("copy", "right", RIGHT)
    honest = MotionFidelity.measure

    def slow(self: MotionFidelity, task: Task) -> Measured:
        bench.score(metrics=("text_similarity",))  # another process, meanwhile
        return honest(self, task)

    monkeypatch.setattr(MotionFidelity, "measure", slow)
    (outcome,) = bench.score(metrics=("motion_fidelity",))
    assert set(scores_in(folder)) == set(AXES) == {score.metric for score in outcome.scores}


@pytest.mark.parametrize(
    "given, said",
    [
        (Measured(float("nan")), "gave nan for 'motion_fidelity'"),
        (Measured(0.5, {"floor": float("inf")}), "gave inf for 'floor'"),
        (Measured(-7.0), "outside the range that it declares, -1 to 1"),
        (Measured(0.5, per_frame={"motion": (0.5,)}), "'motion', must be 5 finite numbers"),
        (Measured(0.5, per_frame={"motion": (float("nan"),) * 5}), "must be 5 finite numbers"),
        (RuntimeError("CUDA out of memory"), "RuntimeError: CUDA out of memory"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_one_metric_that_fails_takes_no_other_with_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, given: Measured | Exception, said: str
) -> None:
    def broken(self: MotionFidelity, task: Task) -> Measured:
        if isinstance(given, Exception):
            raise given
        return given

    monkeypatch.setattr(MotionFidelity, "measure", broken)
    folders = [bench.put("copy", clip, bench.sources[clip]) for clip in ("right", "up")]
    outcomes = bench.score(metrics=AXES)
    for folder, outcome in zip(folders, outcomes, strict=True):
        assert not outcome.error and said in outcome.missing(AXES)["motion_fidelity"]
        assert scores_in(folder)["text_similarity"].value is not None


def test_a_floor_that_lacked_a_source_is_found_when_the_source_is_here(bench: Bench) -> None:
    folder = bench.put("copy", "right", RIGHT)
    away = bench.data / "up.mkv"
    away.rename(bench.data / "elsewhere.mkv")
    bench.score(metrics=("motion_fidelity",))
    assert "other_sources" not in scores_in(folder)["motion_fidelity"].details
    (bench.data / "elsewhere.mkv").rename(away)
    bench.score(metrics=("motion_fidelity",))
    found = scores_in(folder)["motion_fidelity"]
    assert found.details["other_sources"] < 0.5
    assert UP.pixels_sha256 in found.origin["other_sources"]


def test_a_cache_that_cannot_be_written_is_done_without(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, durable: bool) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("smmbench.storage.array_cache.atomic_path", refuse)
    asked = [{"pixels": "a"}, {"pixels": "b"}]
    with pytest.warns(
        UserWarning, match=r"cannot be cached below .*Permission denied.*SMMBENCH_HOME"
    ) as said:
        found = [cached_arrays("tracks", one, lambda: {"x": np.ones(2)}) for one in asked]
    assert [one["x"].tolist() for one in found] == [[1, 1], [1, 1]] and len(said) == 1


def test_a_dry_run_of_scoring_loads_no_torch(bench: Bench) -> None:
    """Nothing is computed, so nothing that computes is loaded: it was most of the time."""
    bench.put("copy", "right", RIGHT)
    code = (
        "import sys\n"
        "from smmbench.cli import app\n"
        "app(['score', sys.argv[1], '--dry-run'], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(bench.results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
