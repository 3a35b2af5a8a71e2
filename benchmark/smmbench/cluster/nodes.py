"""What the nodes of a cluster have, and what they must have in common with the head."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from smmbench.errors import MachineError, in_words


@dataclass(frozen=True)
class Software:
    """What computes on a node.

    Attributes:
        python: Its version.
        packages: Version by distribution; one that is not installed is left out.
    """

    python: str
    packages: dict[str, str]

    @staticmethod
    def of_this_process(distributions: Iterable[str]) -> Software:
        """The software of this process."""
        packages = {}
        for name in dict.fromkeys(distributions):
            try:
                packages[name] = version(name).partition("+")[
                    0
                ]  # +cpu and +cu126 are builds of one
            except (PackageNotFoundError, ValueError):
                continue
        return Software(platform.python_version(), packages)


def refuse_other_software(node: str, there: Software, here: Software) -> None:
    """Refuse a node whose videos or scores could not stand beside those of the head.

    Args:
        node: Its name or address.
        there: Its software.
        here: The head's, which is asked for.

    Raises:
        MachineError: A version differs; the message says which.
    """
    differing = [
        f"{name} {there.packages.get(name, 'missing')} (here {here.packages.get(name, 'missing')})"
        for name in dict.fromkeys((*here.packages, *there.packages))
        if there.packages.get(name) != here.packages.get(name)
    ]
    if there.python.split(".")[:2] != here.python.split(".")[:2]:
        differing.insert(0, f"Python {there.python} (here {here.python})")
    if differing:
        raise MachineError(
            f"The node {node} has other software than this one: {', '.join(differing)}. Install "
            "the same on all nodes."
        )


@dataclass(frozen=True)
class Greeting:
    """What a worker says of itself when it has begun.

    Attributes:
        node: Name and address of its node.
        software: The node's.
        shared: Whether it sees the results folder of the head; else its files are fetched.
        about: What else the head must know.
    """

    node: str
    software: Software
    shared: bool
    about: Any = None


def this_node(ray: Any) -> str:
    """Name and address of the node that this worker runs on."""
    return f"{platform.node()} ({ray.util.get_node_ip_address()})"


@contextmanager
def said_by(node: str) -> Iterator[None]:
    """Name the node in what a user can mend there, such as a file that it lacks."""
    try:
        yield
    except (KeyError, IndexError):
        raise
    except (ValueError, LookupError, OSError, ImportError) as error:
        raise MachineError(f"On the node {node}: {in_words(error)}") from error


@dataclass(frozen=True)
class Places:
    """How many workers a cluster takes, and what each needs.

    Attributes:
        count: Workers.
        gpus: GPUs of each.
        cpus: Logical CPUs that are set aside for each.
    """

    count: int
    gpus: int
    cpus: int


def places(ray: Any, device: str, workers: int | None, default: int | None = None) -> Places:
    """Find places for workers: one for each GPU, or as many as are asked for.

    Args:
        ray: The module, connected.
        device: `cuda`, or where else they compute.
        workers: How many are asked for; None for the default.
        default: Without a GPU; None for one on each node.

    Raises:
        ValueError: More are asked for than the cluster has GPUs.
    """
    resources = ray.cluster_resources()
    if device.startswith("cuda"):
        gpus = int(resources.get("GPU", 0))
        if gpus == 0 or (workers or 0) > gpus:
            raise ValueError(
                f"The Ray cluster has {gpus} GPUs, and each worker needs one: "
                + (f"--workers is at most {gpus}, got {workers}." if gpus else "use --device cpu.")
            )
        return Places(workers or gpus, 1, 0)
    cpus = int(resources.get("CPU", 1))
    alive = sum(node["Alive"] for node in ray.nodes())
    count = workers or max(1, alive if default is None else min(default, cpus))
    return Places(count, 0, 1 if count <= cpus else 0)


def cluster_device(ray: Any, asked: str) -> str:
    """The device of workers: the cluster's, for this machine may be its smallest.

    Args:
        ray: The module, connected.
        asked: As `choose_device` takes it; `auto` takes GPUs if the cluster has some.

    Raises:
        ValueError: The cluster has no such device.
    """
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if asked == "auto":
        return "cuda" if gpus else "cpu"
    if asked.startswith("cuda") and gpus:
        return "cuda"  # a worker is shown one GPU alone
    if asked != "cpu":
        there = "cpu, cuda" if gpus else "cpu"
        raise ValueError(f"No device '{asked}' in the Ray cluster; there is: {there}.")
    return asked
