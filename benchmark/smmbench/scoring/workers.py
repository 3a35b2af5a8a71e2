"""Scoring in several processes: each holds the models and scores one result after the other.

The scores are bit-identical to those of a single process: each result is scored by one process, and
the networks see the same shapes and use the same number of threads (`scoring.models.text_model`).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path

from smmbench.dataset import Dataset
from smmbench.errors import MachineError
from smmbench.results import RunRecord
from smmbench.scoring.loop import Outcome, ScoreLoop
from smmbench.scoring.options import Options

RESULTS_A_WORKER = 12
"""Minimum number of results per process: fewer are scored sooner than the models are loaded."""
MOST_WORKERS = 8
"""Default maximum of processes, because each holds the models and a clip in memory."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""More threads than cores block each other: two processes with two threads took three times as
long."""
AHEAD = 2
"""Results that wait for each worker, so that none is idle."""

Result = tuple[Path, RunRecord]


def default_workers(results: Sequence[Result]) -> int:
    """One process per available core, but no more than the number of results justifies."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with_video = sum(record.status == "done" for _, record in results)
    return max(1, min(here, MOST_WORKERS, with_video // RESULTS_A_WORKER))


def score_results(
    options: Options,
    results: Sequence[Result],
    datasets: Iterable[Dataset] = (),
    workers: int = 1,
) -> Iterator[Outcome]:
    """Score results and write their `scores.json`; yield each outcome when it is complete.

    Args:
        options: How to score.
        results: Folders and their records.
        datasets: Datasets that are not installed.
        workers: Number of processes; 1 for this process alone.

    Raises:
        ValueError: The number of workers is below 1.
        LookupError, OSError: As `ScoreLoop.run`; or a worker died.
    """
    if workers < 1:
        raise ValueError(f"There must be at least 1 worker, got {workers}.")
    if workers == 1:
        yield from ScoreLoop(options, datasets).run(results)
        return
    ordered = by_clip(results)
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_begin, initargs=(options, tuple(datasets))
    )
    try:
        with _one_thread_each():
            for _ in range(workers):  # each starts a worker, which takes the environment with it
                pool.submit(_is_here)
        yield from _scored(pool, ordered, workers * AHEAD)
    except BrokenProcessPool as error:
        raise MachineError(
            "A scoring process died; the system may have killed it because memory ran out. Its "
            "scores are kept. Score again, with fewer --workers if memory is short."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def by_clip(results: Iterable[Result]) -> list[Result]:
    """Order results so that those of the same clip are adjacent.

    A worker then reads and tracks few sources.
    """
    return sorted(results, key=_clip)


def _clip(result: Result) -> tuple[str, str]:
    return result[1].request.dataset, result[1].request.clip


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Limit each new process to one thread, which libraries read on import."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _is_here() -> None:
    """Do nothing."""


def _scored(pool: ProcessPoolExecutor, results: Sequence[Result], most: int) -> Iterator[Outcome]:
    """Keep this many results submitted to the workers, and yield finished ones."""
    waiting = iter(results)
    working: set[Future[Outcome]] = {pool.submit(_score, *one) for one in islice(waiting, most)}
    while working:
        finished, working = wait(working, return_when=FIRST_COMPLETED)
        for one in finished:
            working |= {pool.submit(_score, *after) for after in islice(waiting, 1)}
            yield one.result()


_loop: ScoreLoop | None = None
"""The worker's scoring loop, which holds the models that it has loaded."""


def _begin(options: Options, datasets: tuple[Dataset, ...]) -> None:
    """Initialise a worker: its parent handles Ctrl-C, and it ends when its parent does."""
    global _loop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    import cv2

    cv2.setNumThreads(1)
    _loop = ScoreLoop(options, datasets)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(folder: Path, record: RunRecord) -> Outcome:
    assert _loop is not None
    (outcome,) = _loop.run([(folder, record)])
    return outcome
