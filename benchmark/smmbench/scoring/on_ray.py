"""Scoring on several GPUs or machines: Ray workers that each load the models.

The scores equal those of one process: each result is scored by one worker with one thread. A
node that sees the results folder reads and writes there; any other node is sent the files of a
result, and its scores are fetched.
"""

from __future__ import annotations

import importlib
import shutil
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from smmbench.cluster.connection import connected
from smmbench.cluster.nodes import (
    Greeting,
    Software,
    places,
    refuse_other_software,
    said_by,
    this_node,
)
from smmbench.cluster.parcels import Parcel, Sign, sign_in, spool
from smmbench.cluster.pool import Lost, Pool
from smmbench.dataset import Dataset
from smmbench.environment import DISTRIBUTIONS
from smmbench.errors import MachineError
from smmbench.results import VIDEO, RunRecord, method_folder_of
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench.results.scored_tracks import TRACKS
from smmbench.scoring.loop import Outcome, ScoreLoop
from smmbench.scoring.options import Options
from smmbench.scoring.workers import RESULTS_A_WORKER, THREADS, Result, by_clip
from smmbench.storage.atomic import held

TRIES = 2
"""Number of workers that may die while scoring a result before it is skipped."""


def score_on_ray(
    options: Options,
    results: Sequence[Result],
    datasets: Iterable[Dataset] = (),
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Outcome]:
    """Score results and write their `scores.json`; yield each outcome when it is complete.

    Args:
        options: How to score.
        results: Folders and their records, of one results folder.
        datasets: Datasets that are not installed; their files have the same paths on all nodes.
        workers: Number of workers; None for one per GPU, or without a GPU one per core, if there is
            enough to do.
        address: Address of the cluster; see `connected`.

    Raises:
        ImportError: Ray is not installed.
        ValueError: There are fewer GPUs than workers.
        LookupError, OSError: As in `ScoreLoop.run`; or a result killed two workers.
    """
    if not results:
        return
    named = {folder.resolve(): folder for folder, _ in results}
    results = [(folder.resolve(), record) for folder, record in results]
    root = method_folder_of(results[0][0]).parent
    here = software()
    deaths: Counter[Path] = Counter()
    worth = sum(record.status == "done" for _, record in results) // RESULTS_A_WORKER
    with connected(address) as ray, sign_in(root) as sign:
        pool: Pool[Result] = Pool(
            ray,
            ScoreWorker,
            (options, tuple(datasets), sign),
            places(ray, options.device, workers, max(1, worth)),
            deque(by_clip(results)),
            accept=lambda worker: refuse_other_software(worker.node, worker.software, here),
            send=_sent,
            environment=dict.fromkeys(THREADS, "1"),
        )
        for event in pool.run():
            if isinstance(event, Lost):
                deaths[event.task[0]] += 1
                if deaths[event.task[0]] < TRIES:
                    pool.tasks.append(event.task)
            elif event.value is not None:
                outcome, before, parcel = event.value
                if parcel is None or _taken(event.task[0], before, parcel):
                    yield replace(outcome, folder=named[event.task[0]])
                else:  # another process has scored it in the meantime; its scores are kept
                    pool.tasks.append(event.task)
    if killers := [str(folder) for folder, count in deaths.items() if count >= TRIES]:
        raise MachineError(
            f"Two workers died while scoring each of {', '.join(killers)}; the system may have "
            "killed them because memory ran out. All other results are scored."
        )


@dataclass(frozen=True)
class Sent:
    """A result as sent to a worker: with its files, if the worker does not see the folder."""

    folder: Path
    record: RunRecord
    parcel: Parcel | None


class ScoreWorker:
    """The models in a separate process."""

    def __init__(self, options: Options, datasets: tuple[Dataset, ...], sign: Sign) -> None:
        self._options = options
        self._datasets = datasets
        self._sign = sign
        self._open = ExitStack()

    def hello(self) -> Greeting:
        """Describe this node; models are loaded when a result needs them."""
        import cv2

        cv2.setNumThreads(1)
        node = this_node(importlib.import_module("ray"))
        with said_by(node):
            self._loop = ScoreLoop(self._options, self._datasets)
        return Greeting(node, software(), self._sign.seen())

    def work(self, task: Sent) -> Iterator[tuple[Outcome, bytes | None, Parcel | None]]:
        """Score one result; yield the outcome, the previous scores, and files to fetch."""
        if task.parcel is None:
            for outcome in self._loop.run([(task.folder, task.record)]):
                yield outcome, None, None
            return
        root = spool()
        try:
            method = method_folder_of(task.folder)
            folder = root / task.folder.relative_to(method.parent)
            task.parcel.put(root)
            for outcome in self._loop.run([(folder, task.record)]):
                said = outcome.error.replace(str(folder), str(task.folder))
                at_home = replace(outcome, folder=task.folder, error=said)
                before = task.parcel.files.get(str((folder / SCORES).relative_to(root)))
                yield at_home, before, Parcel.of(folder, (TRACKS, SCORES))
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def close(self) -> None:
        """Do nothing, since nothing is open."""


def software() -> Software:
    """The software with which this process would score."""
    return Software.of_this_process(DISTRIBUTIONS)


def _sent(result: Result, worker: Greeting) -> Sent:
    folder, record = result
    return Sent(folder, record, None if worker.shared else _packed(folder))


def _packed(folder: Path) -> Parcel:
    """The files of a result that scoring reads, by names below the results folder."""
    root = method_folder_of(folder).parent
    names = [folder / name for name in (VIDEO, RECORD, TRACKS, SCORES)]
    names.append(method_folder_of(folder) / METHOD)
    return Parcel.of(root, [str(name.relative_to(root)) for name in names])


def _taken(folder: Path, before: bytes | None, parcel: Parcel) -> bool:
    """Put scores in place, or remove them, unless the old ones have been replaced by others."""
    parcel.refuse_damage()
    with held(folder):
        if Parcel.of(folder, (SCORES,)).files.get(SCORES) != before:
            return False
        for name in {SCORES, TRACKS} - {*parcel.files}:
            (folder / name).unlink(missing_ok=True)
        parcel.put(folder)
    return True
