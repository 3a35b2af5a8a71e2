"""The objects of each scene, as simple shapes: trees, cacti, waves, houses and so on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

DISC, TRIANGLE, BOX = 0, 1, 2
SHAPES = 10  # per scene; unused ones have no size
DRAWS = 6  # random numbers per shape

Each = Float[Tensor, "clips shapes"]
Colour = tuple[int, int, int]  # RGB, 0 to 255
_ALL, _FIRST, _REST = slice(0, SHAPES), slice(0, 1), slice(1, SHAPES)


class Layout:
    """Shapes of some clips of one scene, in the order in which they are painted.

    Args:
        draws: Uniform random numbers that vary the shapes.
        horizon: Row of the horizon, in pixels.
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.

    Attributes:
        kind: `DISC`, `TRIANGLE` or `BOX`.
        centre: (x, y) in pixels.
        half: Half of width and height in pixels; negative for an unused shape.
        tint: RGB, 0 or more; may exceed 1.
    """

    def __init__(
        self,
        draws: Float[Tensor, "clips shapes draws"],
        horizon: Float[Tensor, "clips 1"],
        width: int,
        height: int,
    ) -> None:
        self.draws, self.horizon, self.width, self.height = draws, horizon, width, height
        n = len(draws)
        self.kind = torch.zeros(n, SHAPES)
        self.centre = torch.zeros(n, SHAPES, 2)
        self.half = torch.full((n, SHAPES, 2), -1.0)
        self.tint = torch.zeros(n, SHAPES, 3)

    def vary(self, draw: int, low: float, span: float) -> Each:
        """A number for each shape, from `low` to `low + span`."""
        return low + span * self.draws[..., draw]

    def spread(self) -> Each:
        """Columns from left to right with a jitter.

        They cover one and a half times the picture's width, so that a panning camera finds more.
        """
        place = (torch.arange(SHAPES) + 0.15 + 0.7 * self.draws[..., 0]) / SHAPES
        return place * 1.5 * self.width - 0.25 * self.width

    def ground(self) -> Each:
        """Rows anywhere below the horizon."""
        return (self.height - self.horizon) * self.draws[..., 1] + self.horizon

    def sky(self) -> tuple[Each, Each]:
        """Columns and rows in the upper part of the picture, for a sun."""
        return self.width * self.vary(3, 0.12, 0.76), self.height * self.vary(4, 0.1, 0.16)

    def put(self, part: slice, kind: int, x: Each, y: Tensor, half: tuple[Each, Tensor]) -> None:
        """Set position and size of some shapes."""
        self.kind[:, part] = kind
        self.centre[:, part] = torch.stack([x, y.expand_as(x)], -1)[:, part]
        self.half[:, part] = torch.stack([half[0], half[1].expand_as(x)], -1)[:, part]

    def paint(self, part: slice, colour: Colour) -> None:
        """Colour some shapes, each in its own shade."""
        shade = 0.85 + 0.3 * self.draws[:, part, 5:6]
        self.tint[:, part] = torch.tensor(colour) / 255 * shade


def _trees(layout: Layout, colour: Colour) -> None:
    tall, wide = layout.vary(2, 13, 11), layout.vary(3, 8, 4)
    foot = layout.horizon - tall + 2 + 4 * layout.draws[..., 4]
    layout.put(_ALL, TRIANGLE, layout.spread(), foot, (wide, tall))
    layout.paint(_ALL, colour)


def _sun(layout: Layout, colour: Colour, larger: float = 1.0, lower: float = 0.0) -> None:
    x, y = layout.sky()
    radius = layout.vary(2, 8, 5) * larger
    layout.put(_FIRST, DISC, x, y + lower, (radius, radius))
    layout.paint(_FIRST, colour)


def _forest(layout: Layout) -> None:
    _trees(layout, (34, 108, 62))


def _snow(layout: Layout) -> None:
    _trees(layout, (96, 142, 150))


def _desert(layout: Layout) -> None:
    y = layout.horizon - 2 + 6 * layout.draws[..., 4]
    layout.put(_REST, BOX, layout.spread(), y, (layout.vary(3, 2.2, 1), layout.vary(2, 6, 7)))
    layout.half[:, 2::2] = -1  # few cacti
    layout.paint(_REST, (74, 132, 70))
    _sun(layout, (255, 214, 92))


def _sea(layout: Layout) -> None:
    crest = layout.vary(2, 7, 7), layout.vary(3, 0.8, 0.5)
    layout.put(_REST, BOX, layout.spread(), layout.ground(), crest)
    layout.paint(_REST, (150, 204, 236))
    _sun(layout, (255, 246, 190))


def _city(layout: Layout) -> None:
    x, tall = layout.spread(), layout.vary(2, 12, 20)
    layout.put(_ALL, BOX, x, layout.horizon - tall + 3, (layout.vary(3, 5, 3), tall))
    layout.paint(_ALL, (84, 80, 132))
    lit = slice(1, SHAPES, 2)  # every second one is a lit window of the preceding tower
    y = (layout.horizon - tall * 1.1).roll(1, 1)
    side = torch.full_like(x, 2.2)
    layout.put(lit, BOX, x.roll(1, 1), y, (side, side * 1.5))
    layout.paint(lit, (255, 224, 120))


def _meadow(layout: Layout) -> None:
    size = layout.vary(2, 2.2, 1.6)
    layout.put(_ALL, DISC, layout.spread(), layout.ground() * 0.94 + 6, (size, size))
    layout.paint(_ALL, (250, 232, 92))
    layout.tint[:, ::2] = torch.tensor([246, 128, 168]) / 255


def _space(layout: Layout) -> None:
    size = layout.vary(2, 0.9, 0.8)
    layout.put(_REST, DISC, layout.spread(), layout.height * layout.draws[..., 1], (size, size))
    layout.paint(_REST, (255, 250, 220))
    _sun(layout, (206, 138, 92), larger=1.4, lower=6)


def _volcano(layout: Layout) -> None:
    x, _ = layout.sky()
    mountain, crater, lava = slice(0, 1), slice(1, 2), slice(2, SHAPES)
    layout.put(
        mountain, TRIANGLE, x, layout.horizon - 20, (layout.vary(2, 30, 12), torch.tensor(24.0))
    )
    layout.paint(mountain, (92, 58, 54))
    size = torch.full_like(x, 9), torch.tensor(7.0)
    layout.put(crater, TRIANGLE, x.roll(1, 1), layout.horizon - 37, size)
    layout.paint(crater, (255, 140, 40))
    stream = layout.vary(2, 5, 8), layout.vary(3, 0.9, 1)
    layout.put(lava, BOX, layout.spread(), layout.ground(), stream)
    layout.paint(lava, (255, 112, 36))


LAYOUTS: dict[str, Callable[[Layout], None]] = {
    "forest": _forest,
    "desert": _desert,
    "sea": _sea,
    "snow": _snow,
    "city": _city,
    "meadow": _meadow,
    "space": _space,
    "volcano": _volcano,
}
