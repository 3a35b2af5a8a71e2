"""Two processes at work on one row: they make it in one way, or the later one is refused."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smmbench.results import find_records
from smmbench.running.executors import named_executor
from smmbench.running.heartbeat import FOLDER, at_work
from smmbench.running.loop import Plan, plan_run, run
from smmbench.running.one_way import Way, differences

TOY = """
import os
import time
from dataclasses import dataclass
from pathlib import Path
from smmbench.method import Card, Method

@dataclass(frozen=True)
class Shift:
    shift: int = 0
    model: str = "a"

class Toy(Method):
    Parameters = Shift
    card = Card("Toy")
    checkpoints = ("model",)

    def weights(self):
        return {"toy": self.parameters.model[0]}

    def prepare(self, source):
        here = Path(__file__).parent
        (here / f"begun-{self.parameters.shift}").touch()
        while (here / "wait").exists():
            time.sleep(0.01)
        return source.video

    def transfer(self, prepared, prompt, seed):
        return prepared
"""
LOCAL = named_executor("local")


@pytest.fixture
def toy(tmp_path: Path) -> str:
    (tmp_path / "toy.py").write_text(TOY)
    return f"{tmp_path / 'toy.py'}:Toy"


def command(toy: str, dataset: Path, root: Path, *words: str) -> list[str]:
    return [
        *(sys.executable, "-c", "from smmbench.cli import main; main()", "run", "--method", toy),
        *("--dataset", str(dataset), "--results", str(root), "--device", "cpu", *words),
    ]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def first_shard(toy: str, small_dataset: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shard with `shift=1` and weights `a` that waits in the first clip."""
    (tmp_path / "wait").touch()
    words = command(toy, small_dataset, tmp_path / "results", "--set", "shift=1", "--shard", "1/2")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        until((tmp_path / "begun-1").exists)
        yield process
        process.kill()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_shard_with_other_parameters_is_refused_before_anything_is_made(
    first_shard: subprocess.Popen[str],
    toy: str,
    small_dataset: Path,
    tmp_path: Path,
    smmbench: Callable[..., tuple[int, str, str]],
    overwrite: bool,
) -> None:
    root = tmp_path / "results"
    words = command(toy, small_dataset, root, "--set", "shift=2", "--shard", "2/2")[3:]
    code, _, err = smmbench(*words, *(["--overwrite"] if overwrite else []))
    assert code == 2
    assert f"Process {first_shard.pid} is generating the videos of 'toy' on 'small-noise'" in err
    assert "shift is 1 there, 2 here" in err and "--label NAME" in err
    assert not list(find_records(root)) and not (tmp_path / "begun-2").exists()
    assert [one.pid for one in at_work(root)] == [first_shard.pid]

    (tmp_path / "wait").unlink()
    words = command(toy, small_dataset, root, "--set", "shift=1", "--shard", "2/2")[3:]
    assert smmbench(*words)[0] == 0  # the same parameters are welcome
    assert first_shard.wait(60) == 0
    assert len(list(find_records(root))) == 6 and not (root / FOLDER).exists()


def test_other_weights_are_refused_once_they_are_known(
    first_shard: subprocess.Popen[str], toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    """By the process at work on them, and by its records; where they lie is no difference."""

    def plan(model: str) -> Plan:
        settings, root = ["shift=1", f"model={model}"], tmp_path / "results"
        return plan_run(toy, str(small_dataset), root, settings=settings, device="cpu")

    with pytest.raises(ValueError, match=rf"Process {first_shard.pid} .* other weights of 'toy'"):
        run(plan("b"), LOCAL)
    (tmp_path / "wait").unlink()
    assert first_shard.wait(60) == 0
    with pytest.raises(ValueError, match="were made with other weights of 'toy'"):
        run(plan("b"), LOCAL)
    assert run(plan("a-moved"), LOCAL).made == 2


def test_a_row_that_was_made_since_the_plan_is_not_mixed(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    root = tmp_path / "results"
    one, two = (
        plan_run(toy, str(small_dataset), root, settings=[f"shift={n}"], share=f"{n}/2")
        for n in (1, 2)
    )
    assert run(one, LOCAL).made == 4
    with pytest.raises(ValueError, match="other settings: shift was 1, now 2"):
        run(two, LOCAL)
    assert len(list(find_records(root))) == 4


@pytest.mark.slow
def test_of_two_that_begin_together_one_makes_its_row(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    root = tmp_path / "results"
    started = [
        subprocess.Popen(
            command(toy, small_dataset, root, "--set", f"shift={n}", "--shard", f"{n}/2"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in (1, 2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in started]
    assert sorted(process.returncode for process in started) == [0, 2], errors
    assert len({record.parameters["shift"] for _, record in find_records(root)}) == 1
    assert not (root / FOLDER).exists()


def way(**changes: Any) -> Way:
    base = {"entry": "a:B", "dataset_version": 1, "reference": "forward", "parameters": {"x": 1}}
    return Way(**{**base, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"entry": "a:C"}, ["method a:C there, a:B here"]),
        ({"dataset_version": 2}, ["version 2 of the dataset there, 1 here"]),
        ({"parameters": {"x": 2}}, ["x is 2 there, 1 here"]),
        ({"parameters": {"x": 1, "y": "b"}}, ["y is 'b' there, absent here"]),
    ],
)
def test_what_differs_is_said(changes: dict[str, Any], said: list[str]) -> None:
    assert list(differences(way(), way(**changes))) == said


def test_places_of_weights_count_where_no_hash_is_known() -> None:
    def at(name: str, weights: dict[str, str] | None) -> Way:
        return way(parameters={"x": 1, "model": name}, checkpoints=("model",), weights=weights)

    assert not list(differences(at("a", None), at("b", {"unet": "1"})))  # compared once loaded
    assert not list(differences(at("a", {"unet": "1"}), at("b", {"unet": "1"})))
    assert list(differences(at("a", {"unet": "1"}), at("a", {"unet": "2"}))) == [
        "other weights of 'unet'"
    ]
    assert list(differences(at("a", {}), at("b", {}))) == ["model is 'b' there, 'a' here"]
