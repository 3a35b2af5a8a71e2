"""Tasks in several processes, bounded in time; what is done is kept, and the rest is done later."""

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
        """Everything that the rows depend on: of the same key, the same rows."""


TaskT = TypeVar("TaskT", bound=Task)


def rows_of_tasks(
    tasks: Sequence[TaskT],
    do: Callable[[TaskT], list[Row]],
    log: Path,
    workers: int = 1,
    seconds: float = float("inf"),
    begin: Callable[[], None] | None = None,
) -> list[Row] | None:
    """The rows of all tasks in their order, or None if the time was over before the last.

    Args:
        tasks: Those whose key the log holds are not done again.
        do: Gives the rows of a task; a function of a module, as processes need it.
        log: File of one JSON line a task that was done; it stays.
        workers: Processes.
        seconds: After them no other task begins; those that run are waited for.
        begin: What each process does first.

    Raises:
        Exception: Whatever a task raises; what was done before is in the log.
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
    """How many tasks a log does not hold."""
    done = _read(log)
    return sum(task.key not in done for task in tasks)


def _worked(
    tasks: Sequence[TaskT],
    do: Callable[[TaskT], list[Row]],
    workers: int,
    ends: float,
    begin: Callable[[], None] | None,
) -> Iterator[tuple[TaskT, list[Row]]]:
    """Tasks with their rows, as they are done; no other begins after the end."""
    queue = iter(tasks)
    running: dict[Future[list[Row]], TaskT] = {}
    processes = multiprocessing.get_context("spawn")  # threads of PyTorch do not outlive a fork
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
    """Rows by key; a line that was cut is none."""
    done = {}
    for line in log.read_text("utf-8").splitlines() if log.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        done[entry["key"]] = entry["rows"]
    return done
