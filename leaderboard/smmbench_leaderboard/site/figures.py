"""Numbers as they are drawn: text, and the small bar of a mean with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench_leaderboard.board.types import Cell
from smmbench_leaderboard.formats.table import NONE, number

WIDTH = 100.0
"""Of a bar, in its own units."""


@dataclass(frozen=True)
class Scale:
    """From a score to its place on a bar.

    Attributes:
        low: Score at the left end.
        high: Score at the right end.
    """

    low: float
    high: float

    def at(self, value: float) -> float:
        """Place of a value, 0 to `WIDTH`, to a tenth; what lies outside is put at the end."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(WIDTH * min(max(share, 0.0), 1.0), 1)


@dataclass(frozen=True)
class Bar:
    """A mean, its interval and what chance gives, as places on a bar."""

    mean: float
    low: float
    high: float
    chance: float | None


def bar_of(cell: Cell, scale: Scale, chance: float | None = None) -> Bar | None:
    """The bar of a cell; None where it has no number."""
    if cell.mean is None:
        return None
    low, high = cell.interval or (cell.mean, cell.mean)
    at = None if chance is None else scale.at(chance)
    return Bar(scale.at(cell.mean), scale.at(low), scale.at(high), at)


def short(value: float | None) -> str:
    """A score with three digits and no leading zero; a dash for none."""
    text = number(value)
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def seconds_text(value: float | None) -> str:
    """Seconds as a person says them."""
    if value is None:
        return NONE
    if value < 0.1:
        return "<0.1 s"
    if value < 100:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 6000 else f"{value / 3600:.1f} h"


def device_text(device: str) -> str:
    """The card of a device's description: `H200` of `cuda: NVIDIA H200`."""
    return (device.partition(": ")[2] or device).removeprefix("NVIDIA ")


def interval_text(cell: Cell) -> str:
    """An interval as text; empty where there is none."""
    if cell.interval is None:
        return ""
    return f"{short(cell.interval[0])} to {short(cell.interval[1])}"
