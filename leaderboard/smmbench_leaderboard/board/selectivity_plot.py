"""Draw selectivity beside motion fidelity (needs `smmbench[docs]`)."""

from __future__ import annotations

from pathlib import Path

from smmbench.storage.atomic import atomic_path
from smmbench_leaderboard.board.selectivity import AGAINST
from smmbench_leaderboard.board.selectivity_report import SelectiveRow, SelectivityReport


def draw_selectivity(report: SelectivityReport, path: Path) -> None:
    """Draw one panel per other reference: S of each method, with its interval.

    Dots are methods and crosses are controls. The lines mark a method that ignores its reference
    (0) and copies of the references (1).

    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: The extension of the file is of no image format.
    """
    from matplotlib.figure import Figure

    against = [one for one in AGAINST if any(one in row.selectivity for row in report.rows)]
    rows = [row for row in report.rows if row.selectivity][::-1]
    figure = Figure(figsize=(3 + 3.5 * len(against), 1.4 + 0.28 * len(rows)), layout="constrained")
    parts = figure.subplots(1, len(against), squeeze=False, sharey=True)[0]
    for axes, one in zip(parts, against, strict=True):
        for line in (0.0, 1.0):
            axes.axvline(line, color="0.8", linewidth=0.8, zorder=0)
        for place, row in enumerate(rows):
            if one in row.selectivity:
                s = row.selectivity[one]
                low, high = s.interval or (s.mean, s.mean)
                axes.errorbar(
                    s.mean,
                    place,
                    xerr=[[max(s.mean - low, 0.0)], [max(high - s.mean, 0.0)]],
                    fmt="x" if row.kind == "control" else "o",
                    color=_colour(row),
                    elinewidth=0.8,
                    markersize=4,
                )
        axes.set_title(f"clip against {one}", fontsize=9)
        axes.set_xlabel("selectivity S (0 ignores, 1 copies)", fontsize=8)
    parts[0].set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8)
    figure.suptitle(f"{report.dataset} version {report.dataset_version}", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _colour(row: SelectiveRow) -> str:
    return "0.6" if row.kind == "control" else "C3" if row.label == "smm" else "C0"
