"""Workers of a cluster that take one task after the other; one that dies is replaced."""

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
"""So long nobody is at work before the rest is given up: nodes of a cloud take minutes."""

SECONDS_UNTIL_SAID = 30.0
STARTS = 3
"""So many workers in a row may die before they begin."""


@runtime_checkable
class Worker(Protocol):
    """What runs on a node: a class whose instance Ray holds in a process of its own."""

    def hello(self) -> Greeting:
        """Begin, and say what the node is; the head may refuse it."""

    def work(self, task: Any) -> Iterator[Any]:
        """Do a task, and give each part of it when it is done."""

    def close(self) -> None:
        """End well; a worker that is killed is not asked."""


@dataclass(frozen=True)
class Done(Generic[TaskT]):
    """A part of a task that is done, or, as its last, None."""

    task: TaskT
    worker: Greeting
    value: Any


@dataclass(frozen=True)
class Lost(Generic[TaskT]):
    """A task whose worker died of it, or of its node; what it gave before stays."""

    task: TaskT
    worker: Greeting
    error: Exception


@dataclass
class Pool(Generic[TaskT]):
    """Spreads tasks over workers.

    Attributes:
        ray: The module, connected.
        kind: The class of the workers; see `Worker`.
        arguments: Of its constructor.
        places: How many workers, and what each needs.
        tasks: What is to do; who reads `run` may add to it, such as what was lost.
        accept: Is given what a worker says at first; raises to refuse its node.
        send: What is sent of a task to a worker; the task itself if nothing else is said.
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
        """Each task that is being done now, and by whom."""
        return [(task, greeting) for _, greeting, task in self._working.values()]

    def run(self) -> Iterator[Done[TaskT] | Lost[TaskT]]:
        """Give what is done as it comes, and what is lost; ends when nothing is left to do.

        A task is given to a worker that is there, never to one that may never come.

        Raises:
            ValueError, LookupError, OSError, ImportError: What a worker met that a user can mend.
            MachineError: Nobody is at work for long, or workers die before they begin.
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
                    self.ray.kill(worker)  # one out of reach must not write beside the next one
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
        """What a worker says of itself when it has begun; None if it died before."""
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
                f"No worker of the Ray cluster began within {seconds:.0f} seconds ({has} are "
                "free). Results are kept; run the same command to resume."
            )
        if seconds == SECONDS_UNTIL_SAID:
            warnings.warn(
                f"Waiting for a worker of the Ray cluster ({has} are free).", stacklevel=2
            )

    def _end(self, idle: list[Any], others: list[Any]) -> None:
        """End workers; those that have nothing to do are let end well."""
        closing = [worker.close.remote() for worker in idle]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=10)
        for worker in (*idle, *others):
            self.ray.kill(worker)


def _of_the_user(error: Any) -> BaseException:
    """What a worker raised, as it raised it."""
    cause = error.cause
    return cause if isinstance(cause, BaseException) else MachineError(_last_line(error))


def _stillborn(error: Exception) -> str:
    said = _last_line(error)
    if "ModuleNotFoundError" in said or "ImportError" in said:
        return (
            f"A node of the Ray cluster cannot import what workers need ({said}). Install "
            "smmbench, with the same extras, in the Python in which `ray start` runs on each node."
        )
    return f"Workers of the Ray cluster die before they begin: {said}"


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def _obituary(worker: Greeting, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0].rstrip(".")
    return f"A worker on {worker.node} died, and another takes its place. Ray says: {reason}."
