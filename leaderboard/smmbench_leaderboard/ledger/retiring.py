"""When a published row retires: a metric or the protocol has a new version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smmbench.metrics.registry import metric

AXES = ("text_similarity", "motion_fidelity")


def retired(board: Mapping[str, Any]) -> str:
    """Why the rows of a board are no longer ranked beside newer ones; empty if they are.

    A row retires as a whole when one of its two axes does: half a row has no place. Its entry
    stays, and its numbers stay comparable among the rows of its own version.
    """
    for column in board["columns"]:
        name, version = column.get("metric"), column.get("version")
        if name in AXES and not column["detail"] and version not in (None, metric(name).version):
            return (
                f"retired, as it was scored under version {version} of {name}; here is "
                f"version {metric(name).version}"
            )
    return ""
