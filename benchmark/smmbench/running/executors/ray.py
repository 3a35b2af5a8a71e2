"""Running on several GPUs or machines: Ray actors that each hold the loaded method."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from smmbench.results import RunRecord
from smmbench.running.job import Job
from smmbench.running.loop import Executor
from smmbench.running.maker import Maker
from smmbench.running.pairs import Pair

TRIES = 2
"""How many workers may die of a pair before it is recorded as failed."""


def executor(workers: int | None = None) -> Executor:
    """Give an executor with so many actors; None for one on each GPU of the cluster.

    A clip is made by one actor, so that its preparation is shared. All machines must see the
    results folder under the same path. `RAY_ADDRESS` names a running cluster; without it one is
    started on this machine.

    Raises:
        ImportError: Ray is not installed.
        ValueError: The number of workers is below 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"There must be at least 1 worker, got {workers}.")
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise ImportError(
            'The executor "ray" needs Ray, which is not installed: pip install "smmbench[ray]".'
        ) from error

    def execute(job: Job, groups: Sequence[Sequence[Pair]]) -> Iterator[RunRecord]:
        started_here = not ray.is_initialized()
        if started_here:
            ray.init(log_to_driver=False)
        try:
            yield from _execute(ray, _anywhere(job), groups, workers)
        finally:
            if started_here:
                ray.shutdown()

    return execute


def _execute(
    ray: Any, job: Job, groups: Sequence[Sequence[Pair]], workers: int | None
) -> Iterator[RunRecord]:
    on_gpu = job.device.startswith("cuda")
    count = workers or (int(ray.cluster_resources().get("GPU", 0)) if on_gpu else 1) or 1
    # An actor that dies (its node is gone, the system kills it for memory) is replaced by another,
    # and what it had not finished is tried once more: only what kills two actors has failed.
    deaths: Counter[Pair] = Counter()
    actor = ray.remote(num_gpus=1 if on_gpu else 0)(_Actor)
    waiting = _batched(groups, job.batch)
    idle = [actor.remote(job) for _ in range(min(count, len(waiting)))]
    working: dict[Any, tuple[Any, list[Pair]]] = {}
    while waiting or working:
        while waiting and idle:
            worker, group = idle.pop(), waiting.pop(0)
            working[worker.make.remote(group)] = (worker, group)
        (finished, *_), _ = ray.wait(list(working), num_returns=1)
        worker, group = working.pop(finished)
        try:
            made = ray.get(finished)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # what a user can mend, as the worker said it
        except ray.exceptions.RayError as error:
            ray.kill(worker)  # one that is only out of reach must not write beside the next one
            idle.append(actor.remote(job))
            made, again = _after_death(job, group, deaths, error)
            waiting[:0] = again
        else:
            idle.append(worker)
        yield from made


def _after_death(
    job: Job, group: Sequence[Pair], deaths: Counter[Pair], error: Exception
) -> tuple[list[RunRecord], list[list[Pair]]]:
    """What a dead worker finished and what has failed with it, and the groups to try again.

    Pairs are made one after the other, so that the first that is not finished was in hand; of a
    batch any may have been, and each is tried alone.

    Args:
        job: What the worker did.
        group: The pairs that it had.
        deaths: Of how many workers a pair was in hand when they died; counted on.
        error: What Ray says.
    """
    maker = Maker(job)
    records = {pair: maker.recorder.finished(pair) for pair in group}
    left = [pair for pair, record in records.items() if record is None]
    in_hand = left if job.batch > 1 else left[:1]
    deaths.update(in_hand)
    failed = [pair for pair in in_hand if deaths[pair] >= TRIES]
    died = RuntimeError("The worker died, twice; the system may have ended it for want of memory.")
    died.__cause__ = error
    again = [pair for pair in left if pair not in failed]
    made = [record for record in records.values() if record is not None]
    groups = [[pair] for pair in again] if job.batch > 1 else [again] if again else []
    return [*made, *maker.abandon(failed, died)], groups


def _batched(groups: Sequence[Sequence[Pair]], size: int) -> list[list[Pair]]:
    """Join the pairs of neighbouring clips until they fill a batch."""
    joined: list[list[Pair]] = []
    for group in groups:
        if joined and len(joined[-1]) < size:
            joined[-1].extend(group)
        else:
            joined.append(list(group))
    return joined


def _anywhere(job: Job) -> Job:
    """The same job with whole paths: an actor works in another folder."""
    manifest = Path(job.dataset).expanduser()
    dataset = str(manifest.resolve()) if manifest.suffix == ".toml" else job.dataset
    return replace(
        job, method=job.method.elsewhere(), dataset=dataset, root=job.root.resolve(), executor="ray"
    )


class _Actor:
    """A maker in a process of its own; Ray shows it one GPU."""

    def __init__(self, job: Job) -> None:
        self.maker = Maker(job)

    def make(self, group: Sequence[Pair]) -> list[RunRecord]:
        return list(self.maker.make(group))
