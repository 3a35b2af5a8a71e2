"""Scoring in several processes, shards and orders: the numbers are the same, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smmbench.errors import MachineError
from smmbench.results import RunRecord
from smmbench.scoring import workers
from smmbench.scoring.loop import ScoreLoop, results_below
from smmbench.scoring.models.text_model import BATCH, TextModel
from smmbench.scoring.options import Options
from smmbench.scoring.workers import default_workers, score_results

Smmbench = Callable[..., tuple[int, str, str]]


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 24, 32, 3), dtype=np.uint8)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_an_embedding_depends_on_its_frame_alone(tiny_clip: Path) -> None:
    """Whatever the clip's length, and the number of threads that the process has."""
    model = TextModel(str(tiny_clip), "cpu")
    clip = frames(2 * BATCH + 3)
    whole = model.embed_frames(clip)
    for length in (1, 2, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH):
        np.testing.assert_array_equal(model.embed_frames(clip[:length]), whole[:length])
    with threads(2):
        np.testing.assert_array_equal(model.embed_frames(clip), whole)
        np.testing.assert_array_equal(model.embed_text("a dog"), model.embed_text("a dog"))
        assert torch.get_num_threads() == 2
    assert len(whole) == len(clip)


def test_another_shape_gives_the_same_but_for_rounding(tiny_clip: Path) -> None:
    model = TextModel(str(tiny_clip), "cpu")
    whole = model.embed_frames(frames(BATCH))
    for batch in (1, 5, 64):
        np.testing.assert_allclose(model.embed_frames(frames(BATCH), batch), whole, atol=1e-5)


@pytest.fixture
def made(smmbench: Smmbench, square_dataset: Path, tmp_path: Path) -> Path:
    """Results of two controls on `squares`: 6 videos."""
    for method in ("shuffled", "reversed"):
        code, _, err = smmbench(
            *("run", "--method", method, "--dataset", square_dataset, "--device", "cpu"),
            *("--results", tmp_path / "made", "--seed", 0),
        )
        assert code == 0, err
    return tmp_path / "made"


def scores(root: Path) -> dict[str, Any]:
    """All score files, without what the file system says of the videos."""
    found = {}
    for path in sorted(root.rglob("scores.json")):
        content = json.loads(path.read_text())
        content["video_file"].pop("mtime_ns")
        found[str(path.relative_to(root))] = content
    return found


@pytest.mark.slow
def test_workers_shards_and_order_do_not_change_a_bit(
    made: Path, square_dataset: Path, tmp_path: Path
) -> None:
    """As commands: in this process NumPy has as many threads as when it was imported."""

    def scored(name: str, *calls: tuple[str, ...]) -> dict[str, Any]:
        own = {**os.environ, "SMMBENCH_HOME": str(tmp_path / f"home-{name}")}
        environment = {name: value for name, value in own.items() if name not in workers.THREADS}
        shutil.copytree(made, tmp_path / name)
        command = [sys.executable, "-c", "from smmbench.__main__ import main; main()", "score"]
        command += [str(tmp_path / name), "--dataset", str(square_dataset), "--device", "cpu"]
        for more in calls:
            subprocess.run([*command, *more], env=environment, check=True, capture_output=True)
        return scores(tmp_path / name)

    one = scored("one", ("--workers", "1"))
    assert len(one) == 6
    assert scored("many", ("--workers", "2")) == one
    assert scored("shards", ("--shard", "2/2"), ("--shard", "1/2")) == one


@pytest.mark.slow
def test_the_order_of_results_does_not_change_a_bit(
    made: Path, square_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from smmbench.dataset import load_dataset

    found = {}
    for name, step in (("forth", 1), ("back", -1)):
        monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / f"home-{name}"))
        shutil.copytree(made, tmp_path / name)
        loop = ScoreLoop(Options(device="cpu"), [load_dataset(str(square_dataset))])
        list(loop.run(results_below(tmp_path / name)[::step]))
        found[name] = scores(tmp_path / name)
    assert found["forth"] == found["back"]


def test_few_results_are_not_worth_another_process(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[tuple[Path, RunRecord]] = results_below(made)
    assert default_workers(results) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert default_workers(results * 8) == 4
    assert default_workers(results * 100) == workers.MOST_WORKERS
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(1), raising=False)
    assert default_workers(results * 100) == 1


def test_fewer_than_one_worker_is_refused(made: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 worker"):
        list(score_results(Options(device="cpu"), results_below(made), workers=0))


@pytest.mark.slow
def test_a_worker_that_dies_is_the_machines_fault(
    made: Path, square_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It blames no video; what was scored stays."""
    from smmbench.dataset import load_dataset

    monkeypatch.setattr(workers, "_score", die)
    dataset = load_dataset(str(square_dataset))
    with pytest.raises(MachineError, match="A scoring process died"):
        list(score_results(Options(device="cpu"), results_below(made), [dataset], workers=2))


def die(folder: Path, record: RunRecord) -> None:
    os._exit(9)


def test_workers_have_one_thread_and_the_environment_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with workers._one_thread_each():
        assert [os.environ[name] for name in workers.THREADS] == ["1", "1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ
