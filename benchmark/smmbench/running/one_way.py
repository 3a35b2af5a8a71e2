"""One row of the board has one set of settings, on which all its processes must agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smmbench.results import Reference, Stored


class Way(Stored):
    """The settings with which a process generates the videos of a row.

    Attributes:
        entry: Location of the method's class, as stored in records.
        dataset_version: Version of the dataset.
        reference: The motion that the method is given.
        parameters: All parameters, as stored in records.
        checkpoints: Names of the parameters that locate weights.
        weights: SHA-256 of the weights by part; None before they are loaded.
    """

    entry: str
    dataset_version: int
    reference: Reference
    parameters: dict[str, Any]
    checkpoints: tuple[str, ...] = ()
    weights: dict[str, str] | None = None


def refuse_other_way(mine: Way, other: Way, label: str, dataset: str, pid: int) -> None:
    """Reject a row that another process is generating with other settings.

    Videos of other references belong to no row of the board and do not conflict.

    Args:
        mine: The settings of this process.
        other: The settings of the other process.
        label: The label of the row.
        dataset: The dataset of the row.
        pid: The other process.

    Raises:
        ValueError: They differ; the message lists the differences.
    """
    if other.reference == mine.reference and (differing := list(differences(mine, other))):
        raise ValueError(
            f"Process {pid} is generating the videos of '{label}' on '{dataset}' with other "
            f"settings: {'; '.join(differing)}. Use the same settings for all processes of a row, "
            "or --label NAME for a separate row."
        )


def differences(mine: Way, other: Way) -> Iterator[str]:
    """Describe the differences between two settings.

    The location of weights is ignored; the weights themselves are compared, once both are known. If
    a method has no hash of its weights, the names of their locations are compared.
    """
    if other.entry != mine.entry:
        yield f"method {other.entry} there, {mine.entry} here"
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
