"""Executors: who makes the videos makes no difference to them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from smmbench.results import find_records
from smmbench.running.executors import named_executor
from smmbench.running.loop import Executor, plan_run, run
from smmbench.running.maker import Maker

TOY = """
import os
from dataclasses import dataclass
from smmbench.method import Card, Method

@dataclass(frozen=True)
class Nothing:
    pass

class Toy(Method):
    Parameters = Nothing
    card = Card("Toy")

    def prepare(self, source):
        return source.video

    def transfer(self, prepared, prompt, seed):
        if prompt == "a dog like a":
            raise FloatingPointError("a latent is not a number")
        if prompt == "a cat like b" and "TOY_DIES" in os.environ:
            os._exit(1)
        return prepared
"""


@pytest.fixture
def toy(tmp_path: Path) -> str:
    (tmp_path / "toy.py").write_text(TOY)
    return f"{tmp_path / 'toy.py'}:Toy"


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """Every record but its label and what it cost."""
    measured = {"prepare_seconds", "transfer_seconds", "cached_seconds", "peak_memory_bytes"}
    return [
        record.model_dump(exclude={*measured, "request"}) | {"place": path.relative_to(folder)}
        for path, record in find_records(folder)
    ]


@pytest.mark.parametrize(
    ("name", "workers", "message"),
    [
        ("rai", None, "No executor 'rai'; there is: local, ray"),
        ("local", 2, "--workers belongs to --executor ray"),
        ("ray", 0, "at least 1 worker, got 0"),
    ],
)
def test_wrong_use(name: str, workers: int | None, message: str) -> None:
    with pytest.raises((LookupError, ValueError), match=message):
        named_executor(name, workers)


def test_ray_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "smmbench\[ray\]"'):
        named_executor("ray")


def test_what_a_dead_worker_finished_stays(toy: str, small_dataset: Path, tmp_path: Path) -> None:
    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", clips=("b",))
    maker = Maker(plan.job)
    next(maker.make(plan.todo))  # the first pair; then the worker dies

    first, second = maker.abandon(plan.todo, RuntimeError("The worker died."))
    assert (first.status, second.status) == ("done", "failed")
    assert second.failure is not None
    assert "The worker died." in second.failure.message


@pytest.fixture
def on_ray(monkeypatch: pytest.MonkeyPatch) -> Executor:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    return named_executor("ray", workers=2)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_ray_makes_what_this_process_makes(
    toy: str, small_dataset: Path, tmp_path: Path, on_ray: Executor
) -> None:
    for label, execute in (("here", named_executor("local")), ("ray", on_ray)):
        plan = plan_run(toy, str(small_dataset), tmp_path, device="cpu", label=label)
        summary = run(plan, execute)
        assert (summary.made, summary.failed) == (5, 1)
    assert outcomes(tmp_path / "here") == outcomes(tmp_path / "ray")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_dies_fails_its_clip_and_the_others_go_on(
    toy: str,
    small_dataset: Path,
    tmp_path: Path,
    on_ray: Executor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOY_DIES", "1")
    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", label="dies")
    summary = run(plan, on_ray)
    failed = {f"{r.request.clip}/{r.request.edit}" for r in summary.failures}
    assert failed == {"a/dog", "b/cat"}
