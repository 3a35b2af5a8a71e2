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
    """The software that computes on a node.

    Attributes:
        python: Version of Python.
        packages: Version of each distribution; those that are not installed are left out.
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
                ]  # +cpu and +cu126 are builds of the same version
            except (PackageNotFoundError, ValueError):
                continue
        return Software(platform.python_version(), packages)


def refuse_other_software(node: str, there: Software, here: Software) -> None:
    """Refuse a node whose videos or scores would not be comparable with those of the head.

    Args:
        node: Its name or address.
        there: Its software.
        here: The head's software, which is required.

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
            f"The node {node} has different software: {', '.join(differing)}. Install "
            "the same versions on all nodes."
        )


@dataclass(frozen=True)
class Greeting:
    """What a worker reports about itself once it has started.

    Attributes:
        node: Name and address of its node.
        software: Software of the node.
        shared: Whether it sees the results folder of the head; otherwise its files are fetched.
        about: Further information for the head.
    """

    node: str
    software: Software
    shared: bool
    about: Any = None


def this_node(ray: Any) -> str:
    """Name and address of the node on which this worker runs."""
    return f"{platform.node()} ({ray.util.get_node_ip_address()})"


@contextmanager
def said_by(node: str) -> Iterator[None]:
    """Name the node in errors that a user can fix there, such as a missing file."""
    try:
        yield
    except (KeyError, IndexError):
        raise
    except (ValueError, LookupError, OSError, ImportError) as error:
        raise MachineError(f"On the node {node}: {in_words(error)}") from error


@dataclass(frozen=True)
class Places:
    """How many workers a cluster can run, and what each needs.

    Attributes:
        count: Number of workers.
        gpus: GPUs per worker.
        cpus: Logical CPUs reserved for each worker.
    """

    count: int
    gpus: int
    cpus: int


def places(ray: Any, device: str, workers: int | None, default: int | None = None) -> Places:
    """Find places for workers: one per GPU, or as many as requested.

    Args:
        ray: The module, connected.
        device: `cuda`, or the other device on which they compute.
        workers: Requested number; None for the default.
        default: Number without a GPU; None for one per node.

    Raises:
        ValueError: More workers are requested than the cluster has GPUs.
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
    """The device of workers in the cluster, which may have more than this machine.

    Args:
        ray: The module, connected.
        asked: As in `choose_device`; `auto` selects GPUs if the cluster has any.

    Raises:
        ValueError: The cluster has no such device.
    """
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if asked == "auto":
        return "cuda" if gpus else "cpu"
    if asked.startswith("cuda") and gpus:
        return "cuda"  # each worker sees only one GPU
    if asked != "cpu":
        there = "cpu, cuda" if gpus else "cpu"
        raise ValueError(f"No device '{asked}' in the Ray cluster; available: {there}.")
    return asked
