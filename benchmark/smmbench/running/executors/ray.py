"""Generation on several GPUs or machines: Ray workers that each load the method."""

from __future__ import annotations

import importlib
import shutil
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smmbench.cluster.connection import connected, imported
from smmbench.cluster.nodes import (
    Greeting,
    Software,
    places,
    refuse_other_software,
    said_by,
    this_node,
)
from smmbench.cluster.parcels import Parcel, Sign, sign_in, spool
from smmbench.cluster.pool import Done, Lost, Pool
from smmbench.dataset import load_dataset
from smmbench.environment import DISTRIBUTIONS
from smmbench.errors import MachineError
from smmbench.results import PREVIEW, VIDEO, RunRecord, method_folder, result_folder
from smmbench.results.files import RECORD
from smmbench.running.heartbeat import Heartbeat, beating
from smmbench.running.job import Job
from smmbench.running.loop import Executor
from smmbench.running.maker import Maker
from smmbench.running.method_file import write_method_file
from smmbench.running.pairs import Pair
from smmbench.running.recorder import LOG, LOG_OF_FAILURES, Recorder
from smmbench.running.resume import differences, refuse_other_weights

TRIES = 2
"""Number of workers that may die on a pair before it is recorded as failed."""


def executor(workers: int | None = None, address: str | None = None) -> Executor:
    """Return an executor with this number of workers; None for one per GPU of the cluster.

    Each clip is processed by one worker, so that its preparation is shared. A node that sees the
    results folder writes into it; from any other node the files are fetched.

    Args:
        workers: Number of workers; by default one per GPU, or without a GPU one per node.
        address: Address of the cluster; see `connected`.

    Raises:
        ImportError: Ray is not installed.
        ValueError: The number of workers is below 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"There must be at least 1 worker, got {workers}.")
    imported()

    def execute(job: Job, groups: Sequence[Sequence[Pair]]) -> Iterator[RunRecord]:
        with connected(address) as ray, sign_in(job.root) as sign:
            yield from _execute(ray, _anywhere(job), groups, workers, sign)

    return execute


def _execute(
    ray: Any, job: Job, groups: Sequence[Sequence[Pair]], workers: int | None, sign: Sign
) -> Iterator[RunRecord]:
    with Head(job) as head:
        pool: Pool[tuple[Pair, ...]] = Pool(
            ray,
            Worker,
            (ray.cloudpickle.dumps(job), sign),
            places(ray, job.device, workers),
            deque(_batched(groups, job.batch)),
            head.accept,
        )
        for event in pool.run():
            if isinstance(event, Lost):
                failed, again = head.after_death(event)
                pool.tasks.extendleft(reversed(again))
                yield from failed
            elif event.value is None:
                head.left.pop(event.task, None)
            else:
                yield head.take(event)
            head.say_what_is_in_hand(pool)


class Head:
    """The head's side: which results of workers it accepts, and how it handles dead workers' pairs.

    A pair counts as done only if a worker delivered it, generated as this job requires: neither
    earlier files nor files that a dead worker may have left count.

    Attributes:
        left: The pairs of each task that no worker has delivered yet.
        deaths: Number of workers that died while working on a pair.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.dataset = load_dataset(job.dataset)
        self.recorder = Recorder(job, self.dataset.manifest)
        self.software = software_of(job)
        self.deaths: Counter[Pair] = Counter()
        self.left: dict[tuple[Pair, ...], list[Pair]] = {}
        self._heart: Heartbeat | None = None
        self._open = ExitStack()

    def __enter__(self) -> Head:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def accept(self, worker: Greeting) -> None:
        """Refuse a node with other software; keep a heartbeat here for nodes without the folder."""
        refuse_other_software(worker.node, worker.software, self.software)
        self.recorder.environment = worker.about  # the head may have no GPU to describe
        if not worker.shared and self._heart is None:
            device = worker.about.device
            self._heart = self._open.enter_context(beating(self.job, self.dataset.manifest, device))
            self._claim()

    def take(self, done: Done[tuple[Pair, ...]]) -> RunRecord:
        """Check a worker's result, and put its files in place if it could not do so itself.

        Raises:
            MachineError: It is not the requested result, or was damaged in transfer.
            ValueError: It was generated with other weights than the rest of the row.
        """
        made: Made = done.value
        record, left = made.record, self._left(done.task)
        pairs = {self.recorder.request(pair): pair for pair in left}
        if record.request not in pairs:
            raise MachineError(f"{done.worker.node} made {record.request}, which it was not given.")
        if differing := list(differences(self.job, self.dataset, record)):
            raise MachineError(
                f"{done.worker.node} made {record.request.clip}/{record.request.edit} differently "
                f"from the request: {'; '.join(differing)}."
            )
        if record.weights and record.weights != self.recorder.weights:
            if self.recorder.weights:
                raise MachineError(
                    f"The weights on {done.worker.node} are not those of the other workers."
                )
            self.recorder.weights = record.weights
            if self._heart is not None:
                self._claim()
        if made.parcel is not None:
            write_method_file(self.job, self.dataset.manifest.name)
            self.recorder.take(record, made.parcel)
            if made.log:
                self.recorder.note(made.log)
        left.remove(pairs[record.request])
        return record

    def after_death(
        self, lost: Lost[tuple[Pair, ...]]
    ) -> tuple[list[RunRecord], list[tuple[Pair, ...]]]:
        """Return the pairs that failed with a dead worker, and the tasks to try again.

        Pairs are generated one after the other, so the first one that was not delivered was in
        progress; in a batch it may have been any, and each is tried alone.
        """
        left = self.left.pop(lost.task, list(lost.task))
        in_hand = left if self.job.batch > 1 else left[:1]
        self.deaths.update(in_hand)
        died = RuntimeError(
            "The worker died twice; the system may have killed it because memory ran out."
        )
        died.__cause__ = lost.error
        failed = [pair for pair in in_hand if self.deaths[pair] >= TRIES]
        again = [pair for pair in left if pair not in failed]
        tasks = [(pair,) for pair in again] if self.job.batch > 1 else [tuple(again)]
        records = [self.recorder.failed(pair, died, "transfer") for pair in failed]
        return records, [task for task in tasks if task]

    def say_what_is_in_hand(self, pool: Pool[tuple[Pair, ...]]) -> None:
        """Report the pairs in progress on nodes that cannot report them in the results folder."""
        if self._heart is not None:
            away = [task for task, worker in pool.in_hand() if not worker.shared]
            lists = [self._left(task)[: self.job.batch] for task in away]
            self._heart.working_on([pair for pairs in lists for pair in pairs])

    def _left(self, task: tuple[Pair, ...]) -> list[Pair]:
        return self.left.setdefault(task, list(task))

    def _claim(self) -> None:
        assert self._heart is not None
        self._heart.claim(self.recorder.weights or None)
        refuse_other_weights(self.job, self.dataset, self.recorder.weights)


@dataclass(frozen=True)
class Made:
    """A worker's result for a pair: the record, and its files if the head cannot see them."""

    record: RunRecord
    parcel: Parcel | None = None
    log: str = ""


class Worker:
    """A maker in a separate process; Ray shows it only one GPU."""

    def __init__(self, job: bytes, sign: Sign) -> None:
        self._job = job
        self._sign = sign
        self._open = ExitStack()
        self._spool: Path | None = None

    def hello(self) -> Greeting:
        """Load the job, and describe this node; the method is loaded when a pair needs it."""
        ray: Any = importlib.import_module("ray")
        node = this_node(ray)
        with said_by(node):
            job: Job = ray.cloudpickle.loads(self._job)
            software = software_of(job)
            if not self._sign.seen():
                self._spool = spool()
                self._open.callback(shutil.rmtree, self._spool, ignore_errors=True)
                job = replace(job, root=self._spool)
            self._maker = self._open.enter_context(Maker(job))
        about = self._maker.recorder.environment
        return Greeting(node, software, self._spool is None, about)

    def work(self, task: Sequence[Pair]) -> Iterator[Made]:
        """Generate pairs of one clip, or of a batch; each is yielded when it is written."""
        for record in self._maker.make(task):
            yield Made(record) if self._spool is None else _packed(self._spool, record)

    def close(self) -> None:
        """Stop the heartbeat, and remove fetched files."""
        self._open.close()


def software_of(job: Job) -> Software:
    """The software with which this process would generate a job's videos."""
    return Software.of_this_process((*DISTRIBUTIONS, job.method.distribution))


def _packed(root: Path, record: RunRecord) -> Made:
    """Pack what a worker wrote for a pair into its own folder, and remove it there."""
    folder = result_folder(root, record.request)
    parcel = Parcel.of(folder, (VIDEO, PREVIEW, LOG, RECORD))
    shutil.rmtree(folder, ignore_errors=True)
    log, text = method_folder(root, record.request.method) / LOG_OF_FAILURES, ""
    with suppress(FileNotFoundError):
        text = log.read_text(encoding="utf-8")
        log.unlink()
    return Made(record, parcel, text)


def _batched(groups: Sequence[Sequence[Pair]], size: int) -> list[tuple[Pair, ...]]:
    """Join the pairs of neighbouring clips until they fill a batch."""
    joined: list[list[Pair]] = []
    for group in groups:
        if joined and len(joined[-1]) < size:
            joined[-1].extend(group)
        else:
            joined.append(list(group))
    return [tuple(pairs) for pairs in joined]


def _anywhere(job: Job) -> Job:
    """The same job with absolute paths, because a worker starts in another folder."""
    manifest = Path(job.dataset).expanduser()
    dataset = str(manifest.resolve()) if manifest.suffix == ".toml" else job.dataset
    return replace(
        job, method=job.method.elsewhere(), dataset=dataset, root=job.root.resolve(), executor="ray"
    )
