"""One row of the board is made in one way: what two processes at work on it must agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smmbench.results import Reference, Stored


class Way(Stored):
    """How a process makes the videos of a row.

    Attributes:
        entry: Where the method's class is, as records have it.
        dataset_version: The dataset's.
        reference: The motion that the method is given.
        parameters: All, as records have them.
        checkpoints: Names of the parameters that say where weights lie.
        weights: SHA-256 of the weights by part; None before they are loaded.
    """

    entry: str
    dataset_version: int
    reference: Reference
    parameters: dict[str, Any]
    checkpoints: tuple[str, ...] = ()
    weights: dict[str, str] | None = None


def refuse_other_way(mine: Way, other: Way, label: str, dataset: str, pid: int) -> None:
    """Refuse to make a row that a process is making in another way at this moment.

    Videos of another reference are in no row of the board, and stand in none of each other's way.

    Args:
        mine: How this process would make it.
        other: How the other process makes it.
        label: The row's.
        dataset: The row's.
        pid: The other process.

    Raises:
        ValueError: They differ; the message says in what.
    """
    if other.reference == mine.reference and (differing := list(differences(mine, other))):
        raise ValueError(
            f"Process {pid} is making the videos of '{label}' on '{dataset}' otherwise at this "
            f"moment: {'; '.join(differing)}. Give all processes of a row the same, or use "
            "--label NAME for a row of its own."
        )


def differences(mine: Way, other: Way) -> Iterator[str]:
    """In what two ways differ, in words.

    Where weights lie is no difference: the weights are compared, once both are known. A method
    that knows no hash of its weights is held to the names of their places.
    """
    if other.entry != mine.entry:
        yield f"there by {other.entry}, here by {mine.entry}"
    if other.dataset_version != mine.dataset_version:
        yield (f"version {other.dataset_version} of the dataset there, {mine.dataset_version} here")
    loaded = mine.weights is not None and other.weights is not None
    hashed = bool(mine.weights) and bool(other.weights)
    apart = {*mine.checkpoints, *other.checkpoints} if hashed or not loaded else set()
    for name in sorted({*other.parameters, *mine.parameters} - apart):
        there, here = _value(other.parameters, name), _value(mine.parameters, name)
        if there != here:
            yield f"{name} is {there} there, {here} here"
    for name in sorted({*(mine.weights or {})} & {*(other.weights or {})}):
        if (mine.weights or {})[name] != (other.weights or {})[name]:
            yield f"other weights of '{name}'"


def _value(parameters: dict[str, Any], name: str) -> str:
    return repr(parameters[name]) if name in parameters else "absent"
