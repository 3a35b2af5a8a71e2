"""Executors: who makes the videos makes no difference to them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smmbench.cluster.connection import checked_address
from smmbench.cluster.nodes import Greeting, Software, refuse_other_software
from smmbench.cluster.parcels import sign_in
from smmbench.cluster.pool import Done, Lost
from smmbench.errors import MachineError
from smmbench.results import PREVIEW, VIDEO, RunRecord, find_records
from smmbench.running.executors import named_executor
from smmbench.running.executors.ray import Head, Made, _packed
from smmbench.running.loop import Plan, plan_run
from smmbench.running.maker import Maker
from smmbench.running.pairs import Pair

TOY = """
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
        return prepared
"""


@pytest.fixture
def toy(tmp_path: Path) -> str:
    (tmp_path / "toy.py").write_text(TOY)
    return f"{tmp_path / 'toy.py'}:Toy"


@pytest.mark.parametrize(
    ("name", "workers", "message"),
    [
        ("rai", None, r"No executor 'rai'\. Did you mean 'ray'\? Available: local, ray"),
        ("local", 2, "--workers requires --executor ray"),
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


def head_of(plan: Plan) -> Head:
    return Head(plan.job)


def lost(*pairs: Pair) -> Lost[tuple[Pair, ...]]:
    return Lost(pairs, Greeting("there", Software("3", {}), True), OSError("gone"))


def test_what_kills_two_workers_has_failed_and_the_rest_is_tried_again(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    """The current pair is the first of a clip that was not returned; in a batch, any may be."""
    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", clips=("b",))
    first, second = plan.todo
    head = head_of(plan)
    assert head.after_death(lost(first, second)) == ([], [(first, second)])
    assert head.deaths == {first: 1}
    (failed,), again = head.after_death(lost(first, second))
    assert failed.status == "failed" and failed.request.edit == first.edit.name
    assert failed.failure is not None and "The worker died twice" in failed.failure.message
    assert again == [(second,)] and head.deaths == {first: 2}

    batch = head_of(replace(plan, job=replace(plan.job, batch=2)))
    record = next(Maker(plan.job).make([first]))  # handed over before the worker died
    worker = Greeting("there", Software("3", {}), True)
    batch.take(Done((first, second), worker, Made(record)))
    assert batch.after_death(lost(first, second)) == ([], [(second,)])
    assert batch.deaths == {second: 1}


def made_elsewhere(plan: Plan, spool: Path) -> Made:
    """The first pair, as a worker makes it that does not see the results folder."""
    job = replace(plan.job, root=spool)
    return _packed(spool, next(Maker(job).make(plan.todo[:1])))


def test_files_are_fetched_whole_and_are_those_of_a_run_here(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", clips=("b",))
    made = made_elsewhere(plan, tmp_path / "spool")
    away = Greeting("there", Software("3", {}), False, made.record.environment)
    with head_of(plan) as head:
        head.take(Done(tuple(plan.todo), away, made))
    next(Maker(replace(plan.job, root=tmp_path / "here")).make(plan.todo[:1]))
    ((place, record),) = find_records(tmp_path / "results")
    ((own, _),) = find_records(tmp_path / "here")
    assert record == made.record
    for name in (VIDEO, PREVIEW):
        assert (place / name).read_bytes() == (own / name).read_bytes()
    assert not list((tmp_path / "spool").rglob(VIDEO))  # a node keeps nothing
    assert (tmp_path / "results" / "toy" / "method.json").is_file()


def test_what_did_not_arrive_whole_is_refused_and_what_was_there_stays(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", clips=("b",))
    made = made_elsewhere(plan, tmp_path / "spool")
    away = Greeting("there", Software("3", {}), False, made.record.environment)
    assert made.parcel is not None
    for broken in (
        replace(made.parcel, files=made.parcel.files | {VIDEO: made.parcel.files[VIDEO][:-1]}),
        replace(made.parcel, files={n: c for n, c in made.parcel.files.items() if n != PREVIEW}),
        replace(made.parcel, sha256={}, files={"record.json": made.parcel.files["record.json"]}),
    ):
        with (
            head_of(plan) as head,
            pytest.raises(MachineError, match=r"damaged in transfer|not those"),
        ):
            head.take(Done(tuple(plan.todo), away, replace(made, parcel=broken)))
        assert not list(find_records(tmp_path / "results"))


def test_what_was_made_otherwise_is_never_accepted(
    toy: str, small_dataset: Path, tmp_path: Path
) -> None:
    """Parameters, pairs and weights are the head's; a record of an earlier run does not count."""
    plan = plan_run(toy, str(small_dataset), tmp_path / "results", device="cpu", clips=("b",))
    record = next(Maker(plan.job).make(plan.todo[:1]))
    worker = Greeting("node-2", Software("3", {}), True)

    def take(record: RunRecord) -> None:
        head_of(plan).take(Done(tuple(plan.todo), worker, Made(record)))

    take(record)
    for changes, said in (
        ({"parameters": {"steps": 4}}, "node-2 made b/dog differently.*steps was 4, now absent"),
        ({"source_sha256": "0" * 64}, "the pixels of clip b have changed"),
        ({"request": record.request.model_copy(update={"seed": 9})}, "which it was not given"),
    ):
        with pytest.raises(MachineError, match=said):
            take(record.model_copy(update=changes))
    # The pair lies there, done by this very job; a worker that died of it handed nothing over.
    assert head_of(plan).after_death(lost(*plan.todo)) == ([], [tuple(plan.todo)])


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (Software("3.11.1", {"torch": "2.5"}), r"torch 2.5 \(here 2.6\)"),
        (Software("3.12.1", {"torch": "2.6"}), r"Python 3.12.1 \(here 3.11.7\)"),
        (Software("3.11.1", {}), r"torch missing \(here 2.6\)"),
    ],
)
def test_a_node_with_other_software_is_refused(there: Software, said: str) -> None:
    here = Software("3.11.7", {"torch": "2.6"})
    refuse_other_software("node-2", Software("3.11.1", {"torch": "2.6"}), here)
    with pytest.raises(MachineError, match=f"node node-2 has different software.*{said}"):
        refuse_other_software("node-2", there, here)


@pytest.mark.parametrize(
    "address", ["ray://head:10001", "head", "head:port", "a b:1", "http://a:1"]
)
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT of its head, auto or local; got"):
        checked_address(address)


def test_rays_own_variable_says_where_the_cluster_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert checked_address(None) == "head:6379"
    assert checked_address("other:1") == "other:1" and checked_address("local") == ""
    named_executor("local", address="head:6379")  # the variable may stand beside local runs
    with pytest.raises(ValueError, match="--ray-address requires --executor ray"):
        named_executor("local", address="other:1")


def test_a_sign_is_seen_where_the_folder_is_the_same(tmp_path: Path) -> None:
    with sign_in(tmp_path / "results") as sign:
        assert sign.seen()
        assert not replace(sign, content="another").seen()
        assert not replace(sign, path=tmp_path / "elsewhere" / sign.path.name).seen()
    assert not (tmp_path / "results").exists()
    assert not sign.seen()
