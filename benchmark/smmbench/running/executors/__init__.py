"""Executors: this process, or several GPUs or machines; the results are the same."""

from __future__ import annotations

from smmbench.plugins import no_such
from smmbench.running.loop import Executor


def named_executor(name: str, workers: int | None = None) -> Executor:
    """Return the executor named `local` or `ray`.

    Args:
        name: One of the two.
        workers: Number of Ray actors; None for one per GPU.

    Raises:
        LookupError: There is no such executor.
        ImportError: Ray was requested and is not installed.
        ValueError: Workers were given to `local`, or fewer than 1.
    """
    if name == "local":
        if workers is not None:
            raise ValueError(
                "--workers belongs to --executor ray; for several processes, use --shard."
            )
        from smmbench.running.executors.local import execute

        return execute
    if name == "ray":
        from smmbench.running.executors.ray import executor

        return executor(workers)
    raise LookupError(no_such("executor", name, ("local", "ray")))
