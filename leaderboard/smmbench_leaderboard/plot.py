"""Draw a board's two axes, with intervals and the Pareto front (needs `smmbench[docs]`).

python -m smmbench_leaderboard.plot leaderboard/entries/emoji/2026-11-22-board.json board.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from smmbench.atomic import atomic_path

TEXT, MOTION = "text_similarity", "motion_fidelity"


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
        control = row["card"]["kind"] == "control"
        colour = "0.6" if control else "C3" if row["label"] == "smm" else "C0"
        axes.errorbar(
            text["mean"],
            motion["mean"],
            xerr=_reach(text),
            yerr=_reach(motion),
            fmt="x" if control else "o",
            color=colour,
            elinewidth=0.8,
        )
        left = text["mean"] > 0.6  # labels stay in the picture
        axes.annotate(
            row["label"],
            (text["mean"], motion["mean"]),
            xytext=(-8 if left else 8, 5),
            textcoords="offset points",
            ha="right" if left else "left",
            color=colour,
            fontsize=9,
        )
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


def _reach(cell: dict[str, Any]) -> list[list[float]] | None:
    if cell["interval"] is None:
        return None
    low, high = cell["interval"]
    return [[cell["mean"] - low], [high - cell["mean"]]]


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
