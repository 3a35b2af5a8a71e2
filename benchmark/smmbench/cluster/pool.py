"""Workers in a cluster that process one task after the other; one that dies is replaced."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from smmbench.cluster.nodes import Greeting, Places
from smmbench.errors import MachineError

TaskT = TypeVar("TaskT")

SECONDS_WITHOUT_A_WORKER = 600.0
"""Seconds without any worker before the rest is abandoned: nodes of a cloud take minutes."""

SECONDS_UNTIL_SAID = 30.0
STARTS = 3
"""Number of workers in a row that may die before they start."""


@runtime_checkable
class Worker(Protocol):
    """The class that runs on a node: Ray holds its instance in a separate process."""

    def hello(self) -> Greeting:
        """Start, and describe the node, which the head may refuse."""

    def work(self, task: Any) -> Iterator[Any]:
        """Do a task, and yield each part of it when it is finished."""

    def close(self) -> None:
        """Shut down; not called on a worker that is killed."""


@dataclass(frozen=True)
class Done(Generic[TaskT]):
    """A finished part of a task, or, as its last, None."""

    task: TaskT
    worker: Greeting
    value: Any


@dataclass(frozen=True)
class Lost(Generic[TaskT]):
    """A task whose worker or node died; the parts that it gave before are kept."""

    task: TaskT
    worker: Greeting
    error: Exception


@dataclass
class Pool(Generic[TaskT]):
    """Spreads tasks over workers.

    Attributes:
        ray: The module, connected.
        kind: The class of the workers; see `Worker`.
        arguments: Arguments of its constructor.
        places: How many workers, and what each needs.
        tasks: Tasks to do; the reader of `run` may add to them, for example lost tasks.
        accept: Receives what a worker reports at first; raises an error to refuse its node.
        send: Returns what to send to a worker for a task; by default the task itself.
        environment: Variables that are set for workers.
    """

    ray: Any
    kind: type[Worker]
    arguments: tuple[Any, ...]
    places: Places
    tasks: deque[TaskT]
    accept: Callable[[Greeting], None]
    send: Callable[[TaskT, Greeting], Any] = lambda task, greeting: task
    environment: dict[str, str] = field(default_factory=dict)
    _working: dict[Any, tuple[Any, Greeting, TaskT]] = field(default_factory=dict)

    def in_hand(self) -> list[tuple[TaskT, Greeting]]:
        """The tasks in progress, and the worker of each."""
        return [(task, greeting) for _, greeting, task in self._working.values()]

    def run(self) -> Iterator[Done[TaskT] | Lost[TaskT]]:
        """Yield finished parts and lost tasks as they occur; end when no task is left.

        Tasks are given only to workers that have started.

        Raises:
            ValueError, LookupError, OSError, ImportError: An error in a worker that a user can fix.
            MachineError: No worker starts for a long time, or workers die before they start.
        """
        starting: dict[Any, Any] = {}
        idle: list[tuple[Any, Greeting]] = []
        working = self._working
        died, silent = 0, 0.0
        try:
            while self.tasks or working:
                while self.tasks and idle:
                    worker, said = idle.pop()
                    task = self.tasks.popleft()
                    parts = worker.work.options(num_returns="streaming").remote(
                        self.send(task, said)
                    )
                    working[parts] = worker, said, task
                wanted = min(self.places.count, len(self.tasks) + len(working))
                while len(starting) + len(idle) + len(working) < wanted:
                    worker = self._begin()
                    starting[worker.hello.remote()] = worker
                ready, _ = self.ray.wait(
                    [*working, *starting], num_returns=1, timeout=SECONDS_UNTIL_SAID
                )
                if not ready:
                    silent = 0.0 if working else silent + SECONDS_UNTIL_SAID
                    self._say_silence(silent)
                    continue
                (first,), silent = ready, 0.0
                if first in starting:
                    worker = starting.pop(first)
                    greeting = self._greeted(first, died)
                    died = died + 1 if greeting is None else 0
                    if greeting is not None:
                        idle.append((worker, greeting))
                    continue
                worker, said, task = working[first]
                try:
                    value = self._next(first)
                except StopIteration:
                    del working[first]
                    idle.append((worker, said))
                    yield Done(task, said, None)
                except self.ray.exceptions.RayError as error:
                    del working[first]
                    self.ray.kill(worker)  # an unreachable one must not write after its successor
                    warnings.warn(_obituary(said, error), stacklevel=2)
                    yield Lost(task, said, error)
                else:
                    yield Done(task, said, value)
        finally:
            busy = [worker for worker, *_ in working.values()]
            working.clear()
            self._end([worker for worker, _ in idle], [*starting.values(), *busy])

    def _begin(self) -> Any:
        needs: dict[str, Any] = {"num_gpus": self.places.gpus, "num_cpus": self.places.cpus}
        if self.environment:
            needs["runtime_env"] = {"env_vars": self.environment}
        return self.ray.remote(scheduling_strategy="SPREAD", **needs)(self.kind).remote(
            *self.arguments
        )

    def _greeted(self, hello: Any, died: int) -> Greeting | None:
        """What a worker reports about itself once it has started; None if it died before."""
        errors = self.ray.exceptions
        try:
            said: Greeting = self.ray.get(hello)
        except errors.RayTaskError as error:
            raise _of_the_user(error) from None
        except errors.RayError as error:
            if died + 1 >= STARTS or "creation task" in str(error):
                raise MachineError(_stillborn(error)) from error
            return None
        self.accept(said)
        return said

    def _next(self, parts: Any) -> Any:
        """The next part of a task; raises `StopIteration` at its end."""
        try:
            return self.ray.get(next(parts))
        except self.ray.exceptions.RayTaskError as error:
            raise _of_the_user(error) from None

    def _say_silence(self, seconds: float) -> None:
        free = self.ray.available_resources()
        has = ", ".join(f"{int(free.get(name, 0))} {name}s" for name in ("CPU", "GPU"))
        if seconds >= SECONDS_WITHOUT_A_WORKER:
            raise MachineError(
                f"No worker of the Ray cluster started within {seconds:.0f} seconds ({has} are "
                "free). Results are kept; run the same command to resume."
            )
        if seconds == SECONDS_UNTIL_SAID:
            warnings.warn(
                f"Waiting for a worker of the Ray cluster ({has} are free).", stacklevel=2
            )

    def _end(self, idle: list[Any], others: list[Any]) -> None:
        """Stop workers; idle ones are shut down properly."""
        closing = [worker.close.remote() for worker in idle]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=10)
        for worker in (*idle, *others):
            self.ray.kill(worker)


def _of_the_user(error: Any) -> BaseException:
    """The error that a worker raised, as it was raised."""
    cause = error.cause
    return cause if isinstance(cause, BaseException) else MachineError(_last_line(error))


def _stillborn(error: Exception) -> str:
    said = _last_line(error)
    if "ModuleNotFoundError" in said or "ImportError" in said:
        return (
            f"A node of the Ray cluster cannot import what workers need ({said}). Install "
            "smmbench, with the same extras, in the Python in which `ray start` runs on each node."
        )
    return f"Workers of the Ray cluster die before they start: {said}"


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def _obituary(worker: Greeting, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    return f"A worker on {worker.node} died and is replaced by another. Ray reports: {reason}."
