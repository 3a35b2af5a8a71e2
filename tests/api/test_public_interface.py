"""`import smmbench`: light, typed, and enough for a script."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smmbench
from smmbench.importing.frame_rule import fit_frames
from smmbench.results import read_scores
from smmbench.video import NormalForm, Video, VideoError, write_lossless

PACKAGES = ("smmbench", "smmbench_baselines", "smmbench_datasets", "smmbench_leaderboard")

METHOD = '''
from __future__ import annotations

from dataclasses import dataclass, field

import smmbench


@dataclass(frozen=True)
class Parameters:
    shift: int = field(default=1, metadata={"help": "pixels to the right"})


class Shift(smmbench.Method[Parameters, smmbench.Video]):
    """Shifts every frame; the prompt changes nothing."""

    Parameters = Parameters
    card = smmbench.Card("Shift", kind="control")
    deterministic = True

    def prepare(self, source: smmbench.Source) -> smmbench.Video:
        return source.video

    def transfer(self, prepared: smmbench.Video, prompt: str, seed: int) -> smmbench.Video:
        frames = prepared.frames.copy()
        frames[:, :, self.parameters.shift :] = prepared.frames[:, :, : -self.parameters.shift]
        return smmbench.Video(frames, prepared.fps)
'''

METRIC = '''
from __future__ import annotations

import smmbench
from smmbench.metrics import Measured, Task


class Brightness(smmbench.Metric):
    """Mean of all pixels."""

    name = "brightness"
    version = 1
    title = "Brightness"
    description = "Mean over all pixels of the output."
    higher_is_better = True
    minimum, maximum, worst = 0.0, 255.0, 0.0

    def measure(self, task: Task) -> Measured:
        return Measured(float(task.output.frames.mean()))
'''

SCRIPT = """
from __future__ import annotations

import pandas as pd
import smmbench

made: pd.DataFrame = smmbench.run("frozen", "emoji", limit=1)
scored: pd.DataFrame = smmbench.score("results")
table: pd.DataFrame = smmbench.board("results")
video: smmbench.Video = smmbench.read_video("a.mp4")
pair: smmbench.PairScore = smmbench.score_pair("a.mp4", video, "a cat")
fidelity: float | None = pair.motion_fidelity
name: str = smmbench.load_dataset("emoji").manifest.name
smmbench.run(limit="three")  # type: ignore[call-arg, arg-type]
"""


def loaded_after(statement: str) -> set[str]:
    """Modules that a fresh process has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    return set(made.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "pandas", "av", "cv2", "diffusers", "transformers", "open_clip"}
    assert not loaded_after("import smmbench") & heavy


def test_importing_the_maths_loads_no_codec_and_no_tables() -> None:
    loaded = loaded_after("import smmbench.smm")
    assert "torch" in loaded
    assert not loaded & {"av", "pandas", "cv2", "open_clip", "diffusers", "transformers"}


def test_every_public_name_is_there_and_listed() -> None:
    for name in smmbench.__all__:
        assert getattr(smmbench, name) is not None
    assert set(smmbench.__all__) <= set(dir(smmbench))
    with pytest.raises(AttributeError, match="no attribute 'sore'"):
        smmbench.sore  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_states_that_it_is_typed(package: str) -> None:
    assert (files(package) / "py.typed").is_file()


@pytest.mark.slow
def test_a_strangers_code_is_checked_strictly(tmp_path: Path) -> None:
    """Also what is wrong is seen: an unused `type: ignore` is an error under --strict.

    All in one run, as nearly all its time is spent on the libraries that they import.
    """
    texts = {"method.py": METHOD, "metric.py": METRIC, "script.py": SCRIPT}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), *texts],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "no issues found in 3 source files" in checked.stdout


def test_a_script_from_a_class_to_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text(METHOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    import own  # type: ignore[import-not-found]

    results = tmp_path / "results"
    made = smmbench.run(own.Shift, "emoji", results, parameters={"shift": 2}, limit=2)
    assert list(made["status"]) == ["done", "done"]
    assert set(made["method"]) == {"shift"}
    again = smmbench.run(own.Shift, "emoji", results, parameters={"shift": 2}, limit=2)
    pd.testing.assert_frame_equal(again, made)
    with pytest.raises(ValueError, match="shift was 2, now 3"):
        smmbench.run(own.Shift, "emoji", results, parameters={"shift": 3}, limit=2)
    with pytest.raises(ValueError, match="'shift' must be int"):
        smmbench.run(own.Shift, "emoji", results, parameters={"shift": "far"})

    scored = smmbench.score(results, metrics=["motion_fidelity"])
    assert len(scored) == 2  # one row a pair
    assert (scored["motion_fidelity"] > 0.9).all()  # shifting moves every track alike
    assert (scored["problem"] == "").all()
    table = smmbench.board(results, scope="shared")
    assert list(table["method"]) == ["shift"]
    assert table["motion_fidelity"][0] == pytest.approx(scored["motion_fidelity"].mean())


def test_one_pair_scores_what_the_results_score(tmp_path: Path) -> None:
    """Two files, without a dataset, give the numbers of the dataset's protocol."""
    smmbench.run("source-copy", "emoji", tmp_path, limit=1)
    smmbench.run("reversed", "emoji", tmp_path, limit=1)
    scored = smmbench.score(tmp_path, metrics=["text_similarity", "motion_fidelity"])
    copy, backwards = (
        scored[scored.method == name].iloc[0] for name in ("source-copy", "reversed")
    )
    pair = smmbench.score_pair(
        copy.video, backwards.video, backwards.prompt, text_model="emoji-clip", device="cpu"
    )
    assert pair.motion_fidelity == pytest.approx(backwards.motion_fidelity, abs=1e-12)
    assert pair.text_similarity == pytest.approx(backwards.text_similarity, abs=1e-6)
    file = read_scores(Path(backwards.video).parent)
    assert file is not None
    (motion,) = (score for score in file.scores if score.metric == "motion_fidelity")
    assert pair.chance_level == pytest.approx(motion.details["floor"])
    assert pair.source_tracks["moving"] == motion.details["source_moving"]
    assert (pair.frame_rule, pair.tracker, pair.text_model) == ("exact", "dis", "emoji-clip")
    same = smmbench.score_pair(copy.video, copy.video)
    assert same.motion_fidelity == pytest.approx(1)


def moving(count: int, fps: float = 8.0, speed: int = 3) -> Video:
    """A textured square that goes to the right."""
    drawn = np.random.default_rng(0)
    frames = np.full((count, 64, 96, 3), 90, np.uint8)
    square = drawn.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    for time in range(count):
        left = 5 + speed * time
        frames[time, 20:40, left : left + 20] = square
    return Video(frames, fps)


def test_without_a_text_model_motion_alone_is_scored_and_that_is_said() -> None:
    pair = smmbench.score_pair(moving(8), moving(8), "a square")
    assert pair.text_similarity is None
    assert pair.text_model == ""
    assert any("name a text model" in note for note in pair.notes)
    assert pair.motion_fidelity == pytest.approx(1)
    assert any("no prompt" in note for note in smmbench.score_pair(moving(8), moving(8)).notes)


def test_frames_are_taken_as_import_takes_them() -> None:
    source = moving(8)
    other_rate = Video(source.frames, 24.0)
    exact = smmbench.score_pair(source, other_rate)
    assert (exact.frame_rule, exact.fps) == ("exact", 8.0)
    assert exact.motion_fidelity == pytest.approx(1)
    assert any("taken as 8, frame for frame" in note for note in exact.notes)
    double = Video(np.repeat(source.frames, 2, axis=0), 16.0)
    resampled = smmbench.score_pair(source, double)
    assert resampled.frame_rule == "resample"
    assert resampled.motion_fidelity == pytest.approx(1)
    fitted, rule = fit_frames(double, NormalForm(8, 96, 64, 8.0))
    assert rule == "resample"
    np.testing.assert_array_equal(fitted.frames, source.frames)


def test_a_short_output_is_compared_with_as_much_of_the_source_if_that_is_asked_for() -> None:
    with pytest.raises(VideoError, match=r"--frames 5"):
        smmbench.score_pair(moving(8), moving(5))
    assert smmbench.score_pair(moving(8), moving(5), frames=5).frames == 5
    for frames in (1, 9):
        with pytest.raises(VideoError, match="2 to 8 can be compared"):
            smmbench.score_pair(moving(8), moving(8), frames=frames)


def test_a_still_source_has_no_number_and_that_is_said() -> None:
    pair = smmbench.score_pair(moving(8, speed=0), moving(8))
    assert pair.motion_fidelity is None
    assert any("Nothing in the source moves" in note for note in pair.notes)


def test_the_command_prints_the_same_as_json(tmp_path: Path) -> None:
    import json

    from typer.testing import CliRunner

    from smmbench.cli import app

    write_lossless(tmp_path / "a.mkv", moving(8))
    write_lossless(tmp_path / "b.mkv", moving(8, speed=0))
    runner = CliRunner()
    moved = [str(tmp_path / "a.mkv"), str(tmp_path / "a.mkv")]
    told = runner.invoke(app, ["score-pair", *moved, "--json"])
    assert told.exit_code == 0
    content = json.loads(told.stdout)
    assert content["motion_fidelity"] == pytest.approx(1)
    assert content == smmbench.score_pair(*moved).to_dict()
    plain = runner.invoke(app, ["score-pair", *moved])
    assert "motion fidelity   1.000   (chance level 0." in plain.stdout
    assert "frame for frame" in plain.stdout
    still = runner.invoke(app, ["score-pair", str(tmp_path / "b.mkv"), moved[0], "--json"])
    assert still.exit_code == 1
    assert json.loads(still.stdout)["motion_fidelity"] is None
