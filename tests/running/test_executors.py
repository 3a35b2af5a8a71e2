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
        if "TOY_DIES_ONCE" in os.environ:
            mark = os.path.join(os.environ["TOY_DIES_ONCE"], prompt.replace(" ", "-"))
            if not os.path.exists(mark):
                open(mark, "x").close()
                os._exit(1)
        return prepared
"""


@pytest.fixture
def toy(tmp_path: Path) -> str:
    (tmp_path / "toy.py").write_text(TOY)
    return f"{tmp_path / 'toy.py'}:Toy"


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """Every record but its label, what it cost, and who made it with which modules imported."""
    apart: dict[str, Any] = {"environment": {"executor", "libraries"}, "request": True}
    measured = {"prepare_seconds", "transfer_seconds", "cached_seconds", "peak_memory_bytes"}
    return [
        record.model_dump(exclude=apart | dict.fromkeys(measured, True))
        | {"place": path.relative_to(folder)}
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


def test_what_kills_two_workers_has_failed_and_the_rest_is_tried_again(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    """Of a clip's pairs the first that is not finished was in hand; of a batch, any."""
    from collections import Counter
    from dataclasses import replace

    from smmbench.running.executors.ray import _after_death

    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", clips=("b",))
    first, second = plan.todo
    deaths: Counter[Any] = Counter()
    assert _after_death(plan.job, plan.todo, deaths, OSError()) == ([], [[first, second]])
    assert deaths == {first: 1}
    (failed,), again = _after_death(plan.job, plan.todo, deaths, OSError())
    assert failed.status == "failed" and failed.request.edit == first.edit.name
    assert again == [[second]] and deaths == {first: 2}

    batch = replace(plan.job, batch=2)
    next(Maker(batch).make([first]))  # finished before the worker died
    made, again = _after_death(batch, plan.todo, deaths := Counter(), OSError())
    assert [one.status for one in made] == ["done"] and again == [[second]]
    assert deaths == {second: 1}


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


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_pairs_of_dead_workers_are_made_elsewhere(
    toy: str, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes; every pair kills its worker once. Nothing is lost, and no pair is blamed."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    (tmp_path / "died").mkdir()
    monkeypatch.setenv("TOY_DIES_ONCE", str(tmp_path / "died"))  # nodes take it with them
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu")
        summary = run(plan, named_executor("ray", workers=2))
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
    assert len(list((tmp_path / "died").iterdir())) == 5
    assert (summary.made, summary.failed) == (5, 1)  # one fails of itself, in every executor
