"""Run tasks in several processes with a time limit, and resume unfinished ones later."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, Protocol, TypeVar

Row = dict[str, Any]


class Task(Protocol):
    """A piece of work."""

    @property
    def key(self) -> str:
        """Everything that the rows depend on; tasks with equal keys have equal rows."""


TaskT = TypeVar("TaskT", bound=Task)


def rows_of_tasks(
    tasks: Sequence[TaskT],
    do: Callable[[TaskT], list[Row]],
    log: Path,
    workers: int = 1,
    seconds: float = float("inf"),
    begin: Callable[[], None] | None = None,
) -> list[Row] | None:
    """Return the rows of all tasks in order, or None if time ran out before the last.

    Args:
        tasks: The tasks; those whose keys are in the log are not repeated.
        do: Returns the rows of a task; a function of a module, which processes can import.
        log: File with one JSON line per finished task; it is kept.
        workers: Number of processes.
        seconds: Time after which no further task begins; running tasks are waited for.
        begin: Called first in each process.

    Raises:
        Exception: Whatever a task raises; earlier results are in the log.
    """
    done = _read(log)
    left = [task for task in tasks if task.key not in done]
    ends = time.monotonic() + seconds
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        if file.tell() and not log.read_bytes().endswith(b"\n"):  # cut by a kill
            file.write("\n")
        for task, rows in _worked(left, do, workers, ends, begin):
            done[task.key] = rows
            file.write(json.dumps({"key": task.key, "rows": rows}) + "\n")
            file.flush()
    if any(task.key not in done for task in tasks):
        return None
    return [row for task in tasks for row in done[task.key]]


def left_of(tasks: Sequence[Task], log: Path) -> int:
    """Return the number of tasks that are not in a log."""
    done = _read(log)
    return sum(task.key not in done for task in tasks)


def _worked(
    tasks: Sequence[TaskT],
    do: Callable[[TaskT], list[Row]],
    workers: int,
    ends: float,
    begin: Callable[[], None] | None,
) -> Iterator[tuple[TaskT, list[Row]]]:
    """Yield finished tasks with their rows; no further task begins after the end."""
    queue = iter(tasks)
    running: dict[Future[list[Row]], TaskT] = {}
    processes = multiprocessing.get_context("spawn")  # threads of PyTorch do not survive a fork
    with ProcessPoolExecutor(workers, processes, begin) as pool:
        while True:
            while len(running) < workers and time.monotonic() < ends:
                if (task := next(queue, None)) is None:
                    break
                running[pool.submit(do, task)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


def _read(log: Path) -> dict[str, list[Row]]:
    """Read rows by key, ignoring a truncated line."""
    done = {}
    for line in log.read_text("utf-8").splitlines() if log.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        done[entry["key"]] = entry["rows"]
    return done
