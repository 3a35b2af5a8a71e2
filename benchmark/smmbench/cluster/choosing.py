"""The executor that a user names, and where it computes."""

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
    """Refuse what is no executor, and an address that has no use.

    Args:
        name: `local` or `ray`.
        address: Of the Ray cluster; one that the environment says may stand beside `local`.

    Raises:
        LookupError: There is no such executor.
        ValueError: An address was given to `local`.
    """
    if name not in EXECUTORS:
        raise LookupError(no_such("executor", name, EXECUTORS))
    if name == "local" and address is not None and address != os.environ.get(VARIABLE):
        raise ValueError("--ray-address belongs to --executor ray.")


@contextmanager
def choosing_devices(
    name: str, address: str | None = None, here: bool = False
) -> Iterator[Callable[[str], str]]:
    """Give the function that chooses the device: of this machine, or of the cluster.

    With `ray`, the cluster stays connected as long as the context lasts.

    Args:
        name: `local` or `ray`.
        address: Of the Ray cluster.
        here: Look at this machine alone, for a dry run.

    Raises:
        ValueError, LookupError, OSError, ImportError: As `check_executor` and `connected`.
    """
    check_executor(name, address)
    if here or name == "local":
        yield choose_device
        return
    with connected(address) as ray:
        yield lambda asked: cluster_device(ray, asked)
