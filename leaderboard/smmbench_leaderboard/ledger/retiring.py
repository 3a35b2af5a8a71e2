"""Retirement of published rows, when a metric or the protocol has a new version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smmbench.metrics.registry import metric

AXES = ("text_similarity", "motion_fidelity")


def retired(board: Mapping[str, Any]) -> str:
    """Return why the rows of a board are no longer ranked with newer ones; empty if they are.

    A row retires entirely if one of its two axes does, because half a row cannot be ranked. Its
    entry stays, and its numbers stay comparable with rows of the same version.
    """
    for column in board["columns"]:
        name, version = column.get("metric"), column.get("version")
        if name in AXES and not column["detail"] and version not in (None, metric(name).version):
            return (
                f"retired, as it was scored under version {version} of {name}; the current "
                f"version is {metric(name).version}"
            )
    return ""
