"""The executor that a user names, and the device on which it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from smmbench.cluster.connection import VARIABLE, connected
from smmbench.cluster.nodes import cluster_device
from smmbench.environment import choose_device
from smmbench.plugins import no_such

EXECUTORS = ("local", "ray")


def check_executor(name: str, address: str | None = None) -> None:
    """Refuse an unknown executor, and an address that has no effect.

    Args:
        name: `local` or `ray`.
        address: Address of the Ray cluster; one that comes from the environment is allowed.

    Raises:
        LookupError: There is no such executor.
        ValueError: An address was given to `local`.
    """
    if name not in EXECUTORS:
        raise LookupError(no_such("executor", name, EXECUTORS))
    if name == "local" and address is not None and address != os.environ.get(VARIABLE):
        raise ValueError("--ray-address requires --executor ray.")


@contextmanager
def choosing_devices(
    name: str, address: str | None = None, here: bool = False
) -> Iterator[Callable[[str], str]]:
    """Return the function that selects the device: on this machine, or in the cluster.

    With `ray`, the cluster stays connected while the context lasts.

    Args:
        name: `local` or `ray`.
        address: Address of the Ray cluster.
        here: Consider this machine alone, for a dry run.

    Raises:
        ValueError, LookupError, OSError, ImportError: As in `check_executor` and `connected`.
    """
    check_executor(name, address)
    if here or name == "local":
        yield choose_device
        return
    with connected(address) as ray:
        yield lambda asked: cluster_device(ray, asked)
