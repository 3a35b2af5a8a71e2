"""Executors: this process, or several GPUs or machines; the results are the same."""

from __future__ import annotations

from smmbench.cluster.choosing import check_executor
from smmbench.running.loop import Executor


def named_executor(name: str, workers: int | None = None, address: str | None = None) -> Executor:
    """Return the executor named `local` or `ray`.

    Args:
        name: One of these two names.
        workers: Number of Ray workers; None for one per GPU.
        address: Address of the Ray cluster; see `smmbench.cluster.connection.connected`.

    Raises:
        LookupError: There is no such executor.
        ImportError: Ray was requested and is not installed.
        ValueError: Workers or an address were given to `local`, or fewer workers than 1.
    """
    check_executor(name, address)
    if name == "local":
        if workers is not None:
            raise ValueError(
                "--workers requires --executor ray; for several processes, use --shard."
            )
        from smmbench.running.executors.local import execute

        return execute
    from smmbench.running.executors.ray import executor

    return executor(workers, address)
