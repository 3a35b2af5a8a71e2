"""The settings that a search tries: one rule for all methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import qmc

from smmbench.method import Method
from smmbench.method.parameters import build_parameters, parameter_values
from smmbench.method.search_space import Space

RULE = (
    "the preset, then points of a scrambled Sobol sequence in the declared space; the best has the "
    "highest mean text similarity plus mean motion fidelity over all pairs, no number being worst"
)
AT_ONCE = 64
PATIENCE = 1024
"""Consecutive points without a new setting after which the space counts as exhausted."""


def proposals(
    method: type[Method[Any, Any]], start: Any, space: Mapping[str, Space], seed: int
) -> Iterator[dict[str, Any]]:
    """Yield settings until the space is exhausted; a longer budget begins with the same settings.

    Repeated settings and those that `Parameters` rejects are skipped and do not count as trials.

    Args:
        method: The method.
        start: The `Parameters` of the first trial.
        space: What may change, by parameter.
        seed: Of the sequence.

    Yields:
        The changes to `start` by name, of each parameter's type; first none.
    """
    begin = parameter_values(start)
    seen = [begin]
    yield {}
    since_new = 0
    for point in points(len(space), seed) if space else ():
        values = {name: one.at(place) for (name, one), place in zip(space.items(), point)}  # noqa: B905
        changed = _accepted(method, {**begin, **values})
        if changed is None or changed in seen:
            since_new += 1
            if since_new == PATIENCE:
                return
            continue
        since_new = 0
        seen.append(changed)
        yield {name: changed[name] for name in space}


def points(dimensions: int, seed: int) -> Iterator[Float[np.ndarray, " dimension"]]:
    """Points of a scrambled Sobol sequence, each coordinate from 0 to below 1."""
    sequence = qmc.Sobol(dimensions, scramble=True, seed=seed)
    while True:
        yield from sequence.random(AT_ONCE)


def _accepted(method: type[Method[Any, Any]], values: dict[str, Any]) -> dict[str, Any] | None:
    """All parameters with their types; None if they are incompatible."""
    try:
        return parameter_values(build_parameters(method, values=values))
    except ValueError:
        return None
