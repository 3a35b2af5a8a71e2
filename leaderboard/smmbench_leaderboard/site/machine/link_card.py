"""The image of a board in link previews: title, counts and the plot."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from smmbench.display import plain
from smmbench.storage.atomic import atomic_path
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.site.figures import short
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.pages.board import crowded
from smmbench_leaderboard.site.pareto import WIDE, Plot, plot_of

SIZE = (1200, 630)  # shown without cropping by social networks
FIELD = (60, 168, 1150, 600)  # area of the plot: left, top, right, bottom
GROUND, INK, SOFT, LINE, MARK, INTERVAL = (
    "#fbfbf9",
    "#1b1e24",
    "#565d69",
    "#e3e3dd",
    "#1f5fbf",
    "#9dbdea",
)
NAMED = 12  # number of points with a name
STRIP = 9  # number of rows shown for a board with one axis


def write_link_card(folder: Path, site: SiteBoard) -> str:
    """Draw the image of a board and return its path in the site."""
    name = f"{site.key}/card.png"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        link_card(site).save(temporary, "PNG", optimize=True)
    return name


def link_card(site: SiteBoard) -> Image.Image:
    """Draw the image of a board."""
    board = site.board
    image = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(image)
    title = site.dataset.manifest.title if site.dataset else board.dataset
    draw.text((60, 34), plain(title, 42), INK, _font(46))
    draw.text((60, 100), _counts(site), SOFT, _font(25))
    draw.text((1150, 42), "smmbench", SOFT, _font(30), anchor="ra")
    whole = [row for row in board.rows if not row.partial]
    competing = [row for row in whole if not row.control]
    # The same rows as in the first plot of the page.
    plot = plot_of(crowded(competing) or competing) or plot_of(whole)
    if plot is not None:
        _draw_plot(draw, plot)
    else:
        _draw_strip(draw, board, whole)
    return image


def _counts(site: SiteBoard) -> str:
    board = site.board
    methods = sum(not row.control for row in board.rows)
    words = f"{methods} methods, {len(board.rows) - methods} controls, {board.pairs} pairs each"
    return f"{words}, entry {plain(site.entry_name, 40)}" if site.entry else words


def _draw_plot(draw: ImageDraw.ImageDraw, plot: Plot) -> None:
    for value, at in plot.x_ticks:
        x, _ = _at(at, 0)
        draw.line((x, FIELD[1], x, FIELD[3] - 34), LINE, 2)
        draw.text((x, FIELD[3] - 28), f"{value:g}", SOFT, _font(17), anchor="ma")
    for value, at in plot.y_ticks:
        _, y = _at(0, at)
        draw.line((FIELD[0], y, FIELD[2], y), LINE, 2)
        draw.text((FIELD[0] - 8, y), f"{value:g}", SOFT, _font(17), anchor="rm")
    draw.text((FIELD[2], FIELD[3] + 24), "text similarity", SOFT, _font(19), anchor="rs")
    draw.text((FIELD[0], FIELD[1] - 10), "motion fidelity", SOFT, _font(19), anchor="ls")
    for point in plot.points:
        (left, y), (right, _) = _at(point.across[0], point.y), _at(point.across[1], point.y)
        draw.line((left, y, right, y), INTERVAL, 3)
        (x, above), (_, below) = _at(point.x, point.along[0]), _at(point.x, point.along[1])
        draw.line((x, above, x, below), INTERVAL, 3)
    named = sorted(plot.points, key=lambda p: (not p.row.pareto, p.row.control, p.y))[:NAMED]
    for point in plot.points:
        x, y = _at(point.x, point.y)
        if point.row.control:
            draw.polygon([(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)], GROUND, SOFT, 2)
        else:
            fill = MARK if point.row.pareto else GROUND
            draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill, MARK, 3)
        if point in named and point.name is not None:
            dx, dy, anchor = point.name[0] - point.x, point.name[1] - point.y, point.name[2]
            letter = {"start": "l", "middle": "m", "end": "r"}[anchor]
            beside = (x + 1.3 * dx, y + 1.3 * dy)
            draw.text(beside, plain(point.row.label, 26), INK, _font(19), anchor=f"{letter}s")


def _draw_strip(draw: ImageDraw.ImageDraw, board: Board, rows: list[Row]) -> None:
    """Draw bars of the best rows on the only scored axis."""
    scored = [column for column in board.columns if column.name in RANKING and column.scored]
    axis, title = scored[0].name, scored[0].title  # a board has at least one
    known = [(mean, row) for row in rows if (mean := row.cells[axis].mean) is not None]
    known.sort(key=lambda pair: -pair[0])
    draw.text((FIELD[0], FIELD[1] - 10), plain(title, 60).lower(), SOFT, _font(19), anchor="ls")
    for place, (mean, row) in enumerate(known[:STRIP]):
        y = FIELD[1] + 24 + place * 46
        draw.text((FIELD[0], y), plain(row.label, 26), INK, _font(24), anchor="lm")
        draw.rectangle((380, y - 12, 1060, y + 12), LINE)
        end = 380 + 680 * min(max(mean, 0.0), 1.0)
        draw.rectangle((380, y - 12, end, y + 12), SOFT if row.control else MARK)
        draw.text((1150, y), short(mean), INK, _font(24), anchor="rm")


def _at(x: float, y: float) -> tuple[float, float]:
    """Convert pixels of the plot to pixels of the image."""
    left, top, right, bottom = FIELD
    across = (x - WIDE.left) / (WIDE.width - WIDE.left - WIDE.right)
    down = (y - WIDE.top) / (WIDE.height - WIDE.top - WIDE.bottom)
    return left + across * (right - left), top + down * (bottom - 34 - top)


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # always so if a size is given
    return font
