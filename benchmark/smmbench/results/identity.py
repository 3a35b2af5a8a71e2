"""Identity of runs: which runs count as the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from smmbench.results.records import RunRecord


def parameters_sha256(
    entry: str,
    parameters: Mapping[str, Any],
    weights: Mapping[str, str],
    checkpoints: Collection[str] = (),
) -> str:
    """Return the SHA-256 of a method's code, parameters and weights, regardless of key order.

    Args:
        entry: Location of the class: `package.module:Class`.
        parameters: All parameters, as in JSON (a tuple counts as a list).
        weights: SHA-256 of each part's weights.
        checkpoints: Names of the parameters that state the location of weights. They count only if
            `weights` is empty: the same weights in two folders are the same weights.
    """
    counted = {
        name: value for name, value in parameters.items() if not (weights and name in checkpoints)
    }
    everything = {"entry": entry, "parameters": counted, "weights": dict(weights)}
    text = json.dumps(everything, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def identity_of(record: RunRecord) -> str:
    """What `RunRecord.parameters_sha256` must be, from the rest of the record."""
    return parameters_sha256(record.entry, record.parameters, record.weights, record.checkpoints)


def recorded_parameters(
    parameters: Mapping[str, Any], checkpoints: Collection[str]
) -> dict[str, Any]:
    """Parameters as in a record: only the name of a local folder, since results are shared."""
    return {
        name: Path(value).name
        if name in checkpoints and isinstance(value, str) and Path(value).expanduser().exists()
        else value
        for name, value in parameters.items()
    }


def other_method(records: Iterable[RunRecord]) -> tuple[RunRecord, RunRecord] | None:
    """Two records with different parameters, code or weights; None if there are none.

    A pair that failed before the weights were loaded has none, and matches any with the same code
    and parameters.
    """
    found = list(records)
    known = [one for one in found if one.weights or one.status == "done"]
    if not found:
        return None
    first = (known or found)[0]
    for one in found:
        if one.parameters_sha256 == first.parameters_sha256:
            continue
        unloaded = one.status == "failed" and not one.weights
        if not (unloaded and (one.entry, one.parameters) == (first.entry, first.parameters)):
            return first, one
    return None
