"""Draw a board's two axes, with intervals and the front (needs `smmbench[docs]`).

python -m smmbench_leaderboard.board.plot board.json board.png

Methods are dots, controls are crosses, and bars are the intervals over source clips. Filled dots
are on the front: no other method significantly beats them on one axis without losing on the other.
If several methods follow the text about as well as the best, a second panel shows them enlarged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smmbench.storage.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT, MOTION = "text_similarity", "motion_fidelity"
NEAR, CROWD = 0.1, 4
"""At least `CROWD` methods within `NEAR` of the best text similarity get a second panel."""
LINE = 0.035  # between two names, as a share of the height

Row = dict[str, Any]


def draw(board: dict[str, Any], path: Path) -> None:
    """Draw the plot of a board that was written as JSON.

    Raises:
        ValueError: An axis was not scored.
    """
    rows: list[Row] = board["rows"]
    for row in rows:
        for axis in (TEXT, MOTION):
            if row["cells"][axis]["mean"] is None:
                raise ValueError(f"Nothing on this board is scored by {axis}; the plot needs both.")
    from matplotlib.figure import Figure

    crowd = crowded(rows)
    figure = Figure(figsize=(10.5 if crowd else 7, 5), layout="constrained")
    parts = figure.subplots(1, 2 if crowd else 1, squeeze=False)[0]
    _points(parts[0], rows)
    _names(parts[0], [row for row in rows if row not in crowd])
    parts[0].set_title(f"{board['dataset']} version {board['dataset_version']}; filled: the front")
    parts[0].set_ylabel("Motion fidelity (more is better)")
    if crowd:
        _points(parts[1], crowd)
        _names(parts[1], crowd, column=True)
        parts[1].set_title(f"its right side enlarged, {board['pairs']} pairs a method")
    for part in parts:
        part.set_xlabel("CLIP text similarity (more is better)")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def crowded(rows: Sequence[Row]) -> list[Row]:
    """Return methods that follow the text nearly as well as the best; none if they are few."""
    methods = [row for row in rows if not _is_control(row)]
    best = max((_at(row)[0] for row in methods), default=0.0)
    near = [row for row in methods if _at(row)[0] > best - NEAR]
    return near if len(near) >= CROWD else []


def _points(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw dots, filled on the front, and crosses, with their intervals."""
    for row in rows:
        text, motion = row["cells"][TEXT], row["cells"][MOTION]
        axes.errorbar(
            text["mean"],
            motion["mean"],
            xerr=_reach(text),
            yerr=_reach(motion),
            fmt="x" if _is_control(row) else "o",
            color=_colour(row),
            markerfacecolor=_colour(row) if row["pareto"] else "white",
            elinewidth=0.8,
        )


def _names(axes: Axes, rows: Sequence[Row], column: bool = False) -> None:
    """Label each point on its right above the previous label, or all labels in one column."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    lowest = float("-inf")
    for row in sorted(rows, key=lambda row: _at(row)[1]):
        text, motion = _at(row)
        lowest = max(motion, lowest + LINE * (high - low))
        axes.annotate(
            row["label"],
            (text, motion),
            xytext=((right if column else text) + 0.05 * (right - left), lowest),
            va="center",
            annotation_clip=False,
            color=_colour(row),
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": "0.85", "linewidth": 0.6},
        )


def _at(row: Row) -> tuple[float, float]:
    return row["cells"][TEXT]["mean"], row["cells"][MOTION]["mean"]


def _is_control(row: Row) -> bool:
    return bool(row["card"]["kind"] == "control")


def _colour(row: Row) -> str:
    return "0.6" if _is_control(row) else "C3" if row["label"] == "smm" else "C0"


def _reach(cell: dict[str, Any]) -> list[list[float]] | None:
    if cell["interval"] is None:
        return None
    low, high = cell["interval"]
    return [[cell["mean"] - low], [high - cell["mean"]]]


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
