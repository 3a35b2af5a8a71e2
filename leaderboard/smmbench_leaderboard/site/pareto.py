"""Geometry of the plot of both axes: points, intervals and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smmbench_leaderboard.board.columns import MOTION, TEXT
from smmbench_leaderboard.board.types import Row

LETTER, LINE = 6.3, 14.0  # width and height of a letter of a name, in pixels
LONGEST = 26  # characters of a name
TICKS = (0.05, 0.1, 0.2, 0.25, 0.5)


@dataclass(frozen=True)
class Axis:
    """One axis: its ends, and the ticks between."""

    low: float
    high: float
    ticks: tuple[float, ...]


@dataclass(frozen=True)
class Canvas:
    """The drawing area of a plot and its margins, in pixels.

    Attributes:
        width: Width, with the margins.
        height: Height, with the margins.
        left: Margin for the labels of the vertical axis.
        right: Margin on the right.
        top: Margin at the top.
        bottom: Margin for the labels of the horizontal axis.
        ticks: Maximum number of ticks on the horizontal axis.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    ticks: int

    def x(self, value: float, axis: Axis) -> float:
        """Horizontal position of a value, to a tenth of a pixel."""
        share = (value - axis.low) / (axis.high - axis.low)
        return round(self.left + share * (self.width - self.left - self.right), 1)

    def y(self, value: float, axis: Axis) -> float:
        """Vertical position of a value from the top, to a tenth of a pixel."""
        share = (value - axis.low) / (axis.high - axis.low)
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 1)


WIDE = Canvas(880.0, 460.0, left=52.0, right=16.0, top=14.0, bottom=42.0, ticks=7)
"""The canvas of a plot on a wide screen, and of a link card."""

NARROW = Canvas(340.0, 380.0, left=46.0, right=12.0, top=14.0, bottom=42.0, ticks=5)
"""The canvas of a plot on a phone, on which names stay legible."""


@dataclass(frozen=True)
class Point:
    """The point of one row, in pixels.

    Attributes:
        row: The row.
        x: Horizontal position of the centre.
        y: Vertical position of the centre, from the top.
        across: Ends of the interval along x.
        along: Ends of the interval along y, the upper one first.
        name: Position and alignment of its name; None if there is no room.
    """

    row: Row
    x: float
    y: float
    across: tuple[float, float]
    along: tuple[float, float]
    name: tuple[float, float, str] | None


@dataclass(frozen=True)
class Plot:
    """A plot of rows that have both axes, laid out on a canvas."""

    canvas: Canvas
    points: tuple[Point, ...]
    x: Axis
    y: Axis
    x_ticks: tuple[tuple[float, float], ...]  # value, pixels
    y_ticks: tuple[tuple[float, float], ...]
    wrong_source: float | None  # pixels from the top


def plot_of(
    rows: Sequence[Row], wrong_source: float | None = None, canvas: Canvas = WIDE
) -> Plot | None:
    """Lay out a plot of rows on a canvas.

    Args:
        rows: Rows to place; those without numbers on both axes are left out.
        wrong_source: Wrong-source score at which a line is drawn, if it was measured.
        canvas: Where to place them.

    Returns:
        The plot, or None if no row has numbers on both axes.
    """
    known = [row for row in rows if all(row.cells[a].mean is not None for a in (TEXT, MOTION))]
    if not known:
        return None
    x = _axis([_ends(row, TEXT) for row in known], canvas.ticks)
    y = _axis([_ends(row, MOTION) for row in known])
    placed = [_placed(row, x, y, canvas) for row in known]
    names = _names(placed, canvas)
    points = tuple(
        Point(p.row, p.x, p.y, p.across, p.along, name)
        for p, name in zip(placed, names, strict=True)
    )
    level = wrong_source if wrong_source is not None and y.low <= wrong_source <= y.high else None
    return Plot(
        canvas=canvas,
        points=points,
        x=x,
        y=y,
        x_ticks=tuple((tick, canvas.x(tick, x)) for tick in x.ticks),
        y_ticks=tuple((tick, canvas.y(tick, y)) for tick in y.ticks),
        wrong_source=None if level is None else canvas.y(level, y),
    )


def _ends(row: Row, axis: str) -> tuple[float, float]:
    cell = row.cells[axis]
    assert cell.mean is not None  # `plot_of` leaves the others out
    return cell.interval or (cell.mean, cell.mean)


def _axis(ends: Sequence[tuple[float, float]], most: int = 7) -> Axis:
    """Return a range around all intervals, with at most `most` round ticks."""
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    margin = max(0.04 * (high - low), 0.02)
    low, high = low - margin, high + margin
    step = next((step for step in TICKS if (high - low) / step <= most), TICKS[-1])
    first, last = int(-(-low // step)), int(high // step)
    return Axis(low, high, tuple(round(step * place, 2) for place in range(first, last + 1)))


def _placed(row: Row, x: Axis, y: Axis, canvas: Canvas) -> Point:
    text, motion = row.cells[TEXT].mean, row.cells[MOTION].mean
    assert text is not None and motion is not None  # `plot_of` leaves the others out
    left, right = _ends(row, TEXT)
    low, high = _ends(row, MOTION)
    across = canvas.x(left, x), canvas.x(right, x)
    along = canvas.y(high, y), canvas.y(low, y)
    return Point(row, canvas.x(text, x), canvas.y(motion, y), across, along, None)


def _names(points: Sequence[Point], canvas: Canvas) -> list[tuple[float, float, str] | None]:
    """Place each name next to its point where there is room; the front is placed first."""
    taken = [(p.x - 6, p.y - 6, p.x + 6, p.y + 6) for p in points]
    found: dict[str, tuple[float, float, str] | None] = {}
    order = sorted(points, key=lambda p: (not p.row.pareto, p.row.control, p.y))
    for point in order:
        wide = LETTER * min(len(point.row.label), LONGEST)
        found[point.row.label] = None
        for dx, dy, anchor in (
            (10, 4, "start"),
            (-10, 4, "end"),
            (0, -11, "middle"),
            (0, 20, "middle"),
            (9, -8, "start"),
            (9, 17, "start"),
            (-9, -8, "end"),
            (-9, 17, "end"),
        ):
            left = point.x + dx - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
            box = (left, point.y + dy - LINE + 4, left + wide, point.y + dy + 3)
            inside = box[0] > canvas.left and box[2] < canvas.width - 2
            inside = inside and box[1] > 2 and box[3] < canvas.height - canvas.bottom
            if inside and not any(_meet(box, b) for b in taken):
                taken.append(box)
                found[point.row.label] = (round(point.x + dx, 1), round(point.y + dy, 1), anchor)
                break
    return [found[point.row.label] for point in points]


Box = tuple[float, float, float, float]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
