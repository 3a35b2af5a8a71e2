"""Draw tracker agreement (needs `smmbench[docs]`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smmbench.storage.atomic import atomic_path
from smmbench_leaderboard.board.agreement import AgreementReport

CONTROL, METHOD, TURNED = "0.55", "C0", "C3"


def draw_agreement(report: AgreementReport, path: Path) -> None:
    """Draw one column per tracker and one line per method, at the height of its mean.

    Lines that cross are methods whose order is reversed. Methods are blue and controls
    grey. A line is dashed if the method belongs to a pair that differs significantly under one
    tracker and whose means are reversed under the next.

    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: The extension of the file is of no image format.
    """
    from matplotlib.figure import Figure

    names = list(report.trackers)
    figure = Figure(
        figsize=(4.5 + 1.6 * len(names), 1.6 + 0.34 * len(report.board)), layout="constrained"
    )
    axes = figure.subplots()
    dashed = {
        label
        for one in report.agreements
        for pair in (*one.shown, *one.contradicted)
        for label in pair
    }
    for row in report.board:
        colour = CONTROL if row.kind == "control" else METHOD
        heights = [row.mean[name] for name in names]
        axes.plot(
            range(len(names)),
            heights,
            marker="o",
            markersize=4,
            color=colour,
            linewidth=1.2,
            linestyle="--" if row.label in dashed else "-",
        )
    lowest, highest = axes.get_ylim()
    for side, place in (("left", 0), ("right", len(names) - 1)):
        name = names[place]
        rows = sorted(report.board, key=lambda row: row.mean[name])
        heights = _apart([row.mean[name] for row in rows], 0.03 * _span(report))
        room = 0.02 * _span(report)
        lowest, highest = min(lowest, heights[0] - room), max(highest, heights[-1] + room)
        for row, height in zip(rows, heights, strict=True):
            edge = place + (-0.06 if side == "left" else 0.06)
            axes.annotate(
                row.label,
                (place, row.mean[name]),
                xytext=(edge, height),
                ha="right" if side == "left" else "left",
                va="center",
                fontsize=7,
                arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "0.7"},
            )
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_xlim(-0.9, len(names) - 0.1)
    axes.set_ylim(lowest, highest)
    axes.set_ylabel("motion fidelity", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    clips = f"{report.clips} clip{'' if report.clips == 1 else 's'}"
    axes.set_title(f"{report.dataset} version {report.dataset_version}, {clips}", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _span(report: AgreementReport) -> float:
    heights = [value for row in report.board for value in row.mean.values()]
    return max(max(heights) - min(heights), 1e-6)


def _apart(heights: list[float], gap: float) -> list[float]:
    """Spread ascending heights of labels so that they are at least `gap` apart."""
    placed = np.array(heights)
    for _ in range(200):
        close = np.diff(placed) < gap - 1e-9
        if not close.any():
            break
        for at in np.flatnonzero(close):
            push = (gap - (placed[at + 1] - placed[at])) / 2
            placed[at] -= push
            placed[at + 1] += push
    return [float(one) for one in placed]
