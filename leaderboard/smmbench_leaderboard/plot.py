"""Draw a board's two axes, with intervals and the Pareto front (needs `smmbench[docs]`).

python -m smmbench_leaderboard.plot leaderboard/entries/emoji/2026-11-24-board.json board.png
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smmbench.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXT, MOTION = "text_similarity", "motion_fidelity"
LEFT_BEYOND = 0.75  # of text similarity: names of points further right stand on their left
LINE = 0.032  # of motion fidelity, between two names


def draw(board: dict[str, Any], path: Path) -> None:
    """Write the picture of a board that was written as JSON.

    Methods are dots, controls are crosses; bars are the intervals over source clips, and the line
    is the front of what no other method beats on both axes.

    Raises:
        ValueError: An axis was not scored.
    """
    for row in board["rows"]:
        for axis in (TEXT, MOTION):
            if row["cells"][axis]["mean"] is None:
                raise ValueError(f"Nothing on this board is scored by {axis}; the plot needs both.")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    for row in board["rows"]:
        text, motion = row["cells"][TEXT], row["cells"][MOTION]
        axes.errorbar(
            text["mean"],
            motion["mean"],
            xerr=_reach(text),
            yerr=_reach(motion),
            fmt="x" if _is_control(row) else "o",
            color=_colour(row),
            elinewidth=0.8,
        )
    _label(axes, board["rows"])
    front = sorted(
        (row["cells"][TEXT]["mean"], row["cells"][MOTION]["mean"])
        for row in board["rows"]
        if row["pareto"]
    )
    axes.plot(*zip(*front, strict=True), color="0.8", zorder=0)
    axes.set_xlabel("CLIP text similarity (more is better)")
    axes.set_ylabel("Motion fidelity (more is better)")
    axes.set_title(f"{board['dataset']} version {board['dataset_version']}, {board['pairs']} pairs")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _is_control(row: dict[str, Any]) -> bool:
    return bool(row["card"]["kind"] == "control")


def _colour(row: dict[str, Any]) -> str:
    return "0.6" if _is_control(row) else "C3" if row["label"] == "smm" else "C0"


def _label(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """Name each point on the side where the picture has room, above the last name there."""
    for left in (True, False):
        lowest = float("-inf")
        ordered = sorted(rows, key=lambda row: float(row["cells"][MOTION]["mean"]))
        for row in ordered:
            text, motion = row["cells"][TEXT]["mean"], row["cells"][MOTION]["mean"]
            if (text > LEFT_BEYOND) != left:
                continue
            lowest = max(motion, lowest + LINE)
            axes.annotate(
                row["label"],
                (text, motion),
                xytext=(text + (-0.06 if left else 0.04), lowest),
                ha="right" if left else "left",
                va="center",
                color=_colour(row),
                fontsize=8,
                arrowprops={"arrowstyle": "-", "color": "0.85", "linewidth": 0.6},
            )


def _reach(cell: dict[str, Any]) -> list[list[float]] | None:
    if cell["interval"] is None:
        return None
    low, high = cell["interval"]
    return [[cell["mean"] - low], [high - cell["mean"]]]


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
