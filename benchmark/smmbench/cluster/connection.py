"""Connect to a Ray cluster, or start one on this machine, with an error that names the cause."""

from __future__ import annotations

import importlib
import os
import platform
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from smmbench.cluster.listening import refuse_other_listeners, refuse_silent_head
from smmbench.errors import MachineError

VARIABLE = "RAY_ADDRESS"
"""The environment variable in which Ray looks for a cluster's address."""

HERE = ("", "local")
"""Addresses that start a cluster on this machine, which is stopped with the command."""

SECONDS_TO_JOIN = 30.0


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Connect to a cluster and yield the module `ray`; inside another connection, reuse that.

    Args:
        address: `HOST:PORT` of the cluster's head, `auto` for the one that runs on this machine,
            `local` for a new one on this machine. None uses `RAY_ADDRESS` or else `local`.

    Raises:
        ImportError: Ray is not installed.
        ValueError: The address has another form.
        MachineError: No cluster with these versions of Ray and Python answers at the address.
    """
    ray = imported()
    if ray.is_initialized():
        yield ray
        return
    chosen = checked_address(address)
    # Ray reports dead workers on standard output, which belongs to the command.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        _join(ray, chosen)
        try:
            yield ray
        finally:
            ray.shutdown()


def imported() -> Any:
    """Import Ray.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ImportError(
            'The executor "ray" needs Ray, which is not installed: pip install "smmbench[ray]".'
        ) from error


def checked_address(address: str | None) -> str:
    """The address to connect to; empty for a new cluster on this machine.

    Raises:
        ValueError: It does not have the form of an address of Ray.
    """
    chosen = (os.environ.get(VARIABLE, "") if address is None else address).strip()
    if chosen in HERE:
        return ""
    if chosen == "auto" or re.fullmatch(r"[^/:\s]+:\d{1,5}", chosen):
        return chosen
    raise ValueError(
        f"A Ray cluster's address is HOST:PORT of its head, auto or local; got '{chosen}'."
        + (" Ray Client is not used: run this on a node." if "://" in chosen else "")
    )


def _join(ray: Any, address: str) -> None:
    if ":" in address:
        refuse_other_listeners(address)
    elif address == "auto":
        refuse_silent_head()
    slow = threading.Timer(SECONDS_TO_JOIN, _say_slow, (address or "local",))
    slow.daemon = True
    slow.start()
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address:
        options["include_dashboard"] = False
    try:
        ray.init(address=address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise MachineError(_reason(error, address, ray.__version__)) from error
    finally:
        slow.cancel()


def _say_slow(address: str) -> None:
    warnings.warn(
        f"The Ray cluster at '{address}' has not answered for {SECONDS_TO_JOIN:.0f} seconds. Is "
        "this a cluster with the same version of Ray?",
        stacklevel=2,
    )


def _reason(error: Exception, address: str, version: str) -> str:
    said = " ".join(str(error).split())
    mismatch = re.search(
        r"started with:\s*Ray: (\S+) Python: (\S+).*started with:\s*Ray: (\S+) Python: (\S+)", said
    )
    if mismatch or "ersion mismatch" in said:
        there = "Ray {} and Python {}".format(*mismatch.groups()[:2]) if mismatch else "another"
        return (
            f"The Ray cluster at '{address}' has {there}, but this machine has Ray {version} and "
            f"Python {platform.python_version()}: install the same versions on all nodes."
        )
    if "oken" in said and "uthentic" in said:
        return (
            f"The Ray cluster at '{address}' requires another token: copy ~/.ray/auth_token of its "
            "head to this machine, or set RAY_AUTH_MODE=disabled on all nodes."
        )
    if ":" in address and isinstance(error, ConnectionError):
        port = address.rpartition(":")[2]
        return (
            f"No Ray cluster answers at '{address}': something listens there, but it is not the "
            f"head of a cluster. `ray start --head --port={port}` on that machine starts one. "
            f"{said[:200]}"
        )
    if address == "auto" or isinstance(error, ConnectionError):
        where = "on this machine" if address == "auto" else f"at '{address or 'local'}'"
        return f"No Ray cluster runs {where}: `ray start --head` starts one. {said[:200]}"
    return (
        f"Ray could not start {f'at {address!r}' if address else 'on this machine'}: {said[:400]}"
    )
