"""Calls of one function, local or spread over a cluster, with the same results."""

from __future__ import annotations

import importlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

from smmbench.cluster.choosing import check_executor
from smmbench.cluster.connection import connected
from smmbench.cluster.nodes import Greeting, Software, places, refuse_other_software, this_node
from smmbench.cluster.pool import Lost, Pool
from smmbench.errors import MachineError

ValueT = TypeVar("ValueT")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TRIES = 2


@runtime_checkable
class Spread(Protocol):
    """Calls a function with each tuple of arguments, and returns the values in order."""

    def __call__(
        self, function: Callable[..., ValueT], arguments: Sequence[tuple[Any, ...]], /
    ) -> list[ValueT]:
        """Each call is independent of the others."""


def here(function: Callable[..., ValueT], arguments: Sequence[tuple[Any, ...]], /) -> list[ValueT]:
    """Call in this process, one after the other."""
    return [function(*each) for each in arguments]


@contextmanager
def spreading(
    name: str, workers: int | None = None, address: str | None = None
) -> Iterator[Spread]:
    """Yield an executor's way of calling a function many times.

    Each call is made by one worker with one thread, so that no number depends on how many workers
    there are.

    Args:
        name: `local` or `ray`.
        workers: Number of Ray workers; None for one per core.
        address: Address of the Ray cluster; see `connected`.

    Raises:
        ValueError, LookupError, OSError, ImportError: As in `connected`; or `workers` without Ray.
    """
    check_executor(name, address)
    if name == "local":
        if workers is not None:
            raise ValueError("--workers requires --executor ray.")
        yield here
        return
    with connected(address) as ray:

        def spread(
            function: Callable[..., ValueT], arguments: Sequence[tuple[Any, ...]], /
        ) -> list[ValueT]:
            return _spread(ray, workers, function, arguments)

        yield spread


class Caller:
    """A worker that calls a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def hello(self) -> Greeting:
        """Describe this node."""
        return Greeting(this_node(importlib.import_module("ray")), _software(), True)

    def work(self, task: tuple[int, tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Call once; yield the number of the call and the value."""
        number, arguments = task
        yield number, self._function(*arguments)

    def close(self) -> None:
        """Do nothing, since nothing is open."""


def _spread(
    ray: Any,
    workers: int | None,
    function: Callable[..., ValueT],
    arguments: Sequence[tuple[Any, ...]],
) -> list[ValueT]:
    software = _software()
    values: dict[int, ValueT] = {}
    deaths: Counter[int] = Counter()
    pool: Pool[tuple[int, tuple[Any, ...]]] = Pool(
        ray,
        Caller,
        (function,),
        places(ray, "cpu", workers, len(arguments)),
        deque(enumerate(arguments)),
        accept=lambda worker: refuse_other_software(worker.node, worker.software, software),
        environment=dict.fromkeys(THREADS, "1"),
    )
    for event in pool.run():
        if isinstance(event, Lost):
            deaths[event.task[0]] += 1
            if deaths[event.task[0]] >= TRIES:
                raise MachineError(
                    "Two workers died in the same computation; the system may have killed them "
                    "because memory ran out. Try fewer --workers."
                )
            pool.tasks.append(event.task)
        elif event.value is not None:
            number, value = event.value
            values[number] = value
    return [values[number] for number in range(len(arguments))]


def _software() -> Software:
    return Software.of_this_process(("smmbench", "numpy", "scipy"))
