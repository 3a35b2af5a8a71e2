"""The plot of both axes as geometry: points, intervals, the front, and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smmbench_leaderboard.board.columns import MOTION, TEXT
from smmbench_leaderboard.board.types import Row

WIDTH, HEIGHT = 880.0, 460.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 16.0, 14.0, 42.0
LETTER, LINE = 6.3, 14.0  # of a name, in pixels
LONGEST = 26  # characters of a name
TICKS = (0.05, 0.1, 0.2, 0.25, 0.5)


@dataclass(frozen=True)
class Axis:
    """One axis: its ends, and the ticks between."""

    low: float
    high: float
    ticks: tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """One row, in pixels.

    Attributes:
        row: What it is of.
        x: Centre.
        y: Centre, from the top.
        across: Ends of the interval along x.
        along: Ends of the interval along y, the upper one first.
        name: Where its name stands and how it is aligned; None where there is no room.
    """

    row: Row
    x: float
    y: float
    across: tuple[float, float]
    along: tuple[float, float]
    name: tuple[float, float, str] | None


@dataclass(frozen=True)
class Plot:
    """A plot of rows that have both axes."""

    points: tuple[Point, ...]
    x: Axis
    y: Axis
    x_ticks: tuple[tuple[float, float], ...]  # value, pixels
    y_ticks: tuple[tuple[float, float], ...]
    fronts: tuple[str, ...]  # a path for each block
    chance: float | None  # pixels from the top


def plot_of(rows: Sequence[Row], chance: float | None = None) -> Plot | None:
    """Place rows; None if none has numbers on both axes."""
    known = [row for row in rows if all(row.cells[a].mean is not None for a in (TEXT, MOTION))]
    if not known:
        return None
    x, y = _axis([_ends(row, TEXT) for row in known]), _axis([_ends(row, MOTION) for row in known])
    placed = [_placed(row, x, y) for row in known]
    names = _names(placed)
    points = tuple(
        Point(p.row, p.x, p.y, p.across, p.along, name)
        for p, name in zip(placed, names, strict=True)
    )
    shown = chance is not None and y.low <= chance <= y.high
    return Plot(
        points=points,
        x=x,
        y=y,
        x_ticks=tuple((tick, _x(tick, x)) for tick in x.ticks),
        y_ticks=tuple((tick, _y(tick, y)) for tick in y.ticks),
        fronts=tuple(_fronts(points)),
        chance=_y(chance, y) if shown and chance is not None else None,
    )


def _ends(row: Row, axis: str) -> tuple[float, float]:
    cell = row.cells[axis]
    assert cell.mean is not None  # `plot_of` leaves the others out
    return cell.interval or (cell.mean, cell.mean)


def _axis(ends: Sequence[tuple[float, float]]) -> Axis:
    """A range around all intervals, with at most seven round ticks."""
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    margin = max(0.04 * (high - low), 0.02)
    low, high = low - margin, high + margin
    step = next((step for step in TICKS if (high - low) / step <= 7), TICKS[-1])
    first, last = int(-(-low // step)), int(high // step)
    return Axis(low, high, tuple(round(step * place, 2) for place in range(first, last + 1)))


def _x(value: float, axis: Axis) -> float:
    share = (value - axis.low) / (axis.high - axis.low)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(value: float, axis: Axis) -> float:
    share = (value - axis.low) / (axis.high - axis.low)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _placed(row: Row, x: Axis, y: Axis) -> Point:
    text, motion = row.cells[TEXT].mean, row.cells[MOTION].mean
    assert text is not None and motion is not None  # `plot_of` leaves the others out
    left, right = _ends(row, TEXT)
    low, high = _ends(row, MOTION)
    across, along = (_x(left, x), _x(right, x)), (_y(high, y), _y(low, y))
    return Point(row, _x(text, x), _y(motion, y), across, along, None)


def _names(points: Sequence[Point]) -> list[tuple[float, float, str] | None]:
    """A place for each name beside its point, where nothing lies yet; the front chooses first."""
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
            inside = box[0] > LEFT and box[2] < WIDTH - 2 and box[1] > 2
            if inside and box[3] < HEIGHT - BOTTOM and not any(_meet(box, b) for b in taken):
                taken.append(box)
                found[point.row.label] = (round(point.x + dx, 1), round(point.y + dy, 1), anchor)
                break
    return [found[point.row.label] for point in points]


Box = tuple[float, float, float, float]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _fronts(points: Sequence[Point]) -> list[str]:
    """A line through the front of each block, from the left."""
    blocks: dict[str, list[Point]] = {}
    for point in points:
        if point.row.pareto:
            blocks.setdefault(point.row.block, []).append(point)
    return [
        "M" + "L".join(f"{p.x:g} {p.y:g}" for p in sorted(of, key=lambda p: (p.x, p.y)))
        for of in blocks.values()
        if len(of) > 1
    ]
