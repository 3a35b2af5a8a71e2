"""Numbers as the pages show them: as text, and as a small bar of a mean with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench_leaderboard.board.types import Cell, Selective
from smmbench_leaderboard.formats.table import NONE, number, percent

WIDTH = 100.0
"""Width of a bar, in its own units."""


@dataclass(frozen=True)
class Scale:
    """Maps a score to its position on a bar.

    Attributes:
        low: Score at the left end.
        high: Score at the right end.
    """

    low: float
    high: float

    def at(self, value: float) -> float:
        """Position of a value, 0 to `WIDTH`, rounded to a tenth and clipped to the bar."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(WIDTH * min(max(share, 0.0), 1.0), 1)


@dataclass(frozen=True)
class Bar:
    """A mean, its interval and its wrong-source score, as positions on a bar."""

    mean: float
    low: float
    high: float
    wrong_source: float | None


def bar_of(cell: Cell, scale: Scale, wrong_source: float | None = None) -> Bar | None:
    """Return the bar of a cell; None if it has no number."""
    if cell.mean is None:
        return None
    low, high = cell.interval or (cell.mean, cell.mean)
    at = None if wrong_source is None else scale.at(wrong_source)
    return Bar(scale.at(cell.mean), scale.at(low), scale.at(high), at)


def short(value: float | None) -> str:
    """Format a score with three digits and no leading zero; a dash if there is none."""
    text = number(value)
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def seconds_text(value: float | None) -> str:
    """Format a duration in a readable unit."""
    if value is None:
        return NONE
    if value < 0.1:
        return "<0.1 s"
    if value < 100:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 6000 else f"{value / 3600:.1f} h"


def share_text(share: float) -> str:
    """Format a share of pairs, 0 to 1, as tables do, with a space before the sign."""
    return percent(share).replace("%", " %")


def device_text(device: str) -> str:
    """Shorten a device's description: `H200` for `cuda: NVIDIA H200`."""
    return (device.partition(": ")[2] or device).removeprefix("NVIDIA ")


def interval_text(cell: Cell | Selective) -> str:
    """Format an interval; empty if there is none."""
    if cell.interval is None:
        return ""
    return f"{short(cell.interval[0])} to {short(cell.interval[1])}"
