"""Who makes the videos: this process, or several GPUs or machines; the results are the same."""

from __future__ import annotations

from smmbench.plugins import no_such
from smmbench.running.loop import Executor


def named_executor(name: str, workers: int | None = None) -> Executor:
    """Give the executor called `local` or `ray`.

    Args:
        name: One of the two.
        workers: How many Ray actors; None for one a GPU.

    Raises:
        LookupError: There is no such executor.
        ImportError: Ray was asked for and is not installed.
        ValueError: Workers were given to `local`, or fewer than 1.
    """
    if name == "local":
        if workers is not None:
            raise ValueError("--workers belongs to --executor ray; for several processes: --shard.")
        from smmbench.running.executors.local import execute

        return execute
    if name == "ray":
        from smmbench.running.executors.ray import executor

        return executor(workers)
    raise LookupError(no_such("executor", name, ("local", "ray")))
