"""Scenes: sky, ground and simple shapes, as a function of position.

A scene is evaluated at any coordinates, so that a camera may pan by fractions of a pixel without
resampling. Edges are one pixel soft.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from smmbench_datasets.emoji.layouts import BOX, DISC, DRAWS, LAYOUTS, SHAPES, Layout

# Name of each scene, and its words in a caption.
SCENES: dict[str, str] = {
    "forest": "in a forest",
    "desert": "in a desert",
    "sea": "at the sea",
    "snow": "in the snow",
    "city": "in a city at night",
    "meadow": "in a meadow",
    "space": "in outer space",
    "volcano": "at a volcano",
}
NOUNS: dict[str, str] = {
    "forest": "a forest",
    "desert": "a desert",
    "sea": "the sea",
    "snow": "snow",
    "city": "a city at night",
    "meadow": "a meadow",
    "space": "outer space",
    "volcano": "a volcano",
}

# Sky above, sky at the horizon, ground at the horizon, ground below; RGB in 0..255.
_COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "forest": ((168, 214, 204), (206, 232, 214), (84, 142, 70), (44, 92, 44)),
    "desert": ((120, 186, 236), (238, 226, 190), (236, 200, 128), (198, 146, 76)),
    "sea": ((150, 206, 246), (224, 240, 250), (52, 128, 190), (18, 66, 128)),
    "snow": ((150, 168, 196), (208, 218, 232), (250, 252, 255), (214, 226, 242)),
    "city": ((10, 14, 44), (52, 44, 96), (58, 58, 70), (32, 32, 40)),
    "meadow": ((92, 164, 244), (190, 224, 250), (150, 212, 86), (92, 172, 56)),
    "space": ((12, 6, 32), (38, 16, 66), (38, 16, 66), (10, 4, 26)),
    "volcano": ((84, 26, 30), (238, 116, 50), (74, 52, 50), (38, 26, 28)),
}
_HORIZON: dict[str, tuple[float, float]] = {  # as a fraction of the height
    "forest": (0.62, 0.72),
    "desert": (0.55, 0.68),
    "sea": (0.5, 0.62),
    "snow": (0.55, 0.7),
    "city": (0.76, 0.84),
    "meadow": (0.56, 0.7),
    "space": (0.45, 0.55),
    "volcano": (0.68, 0.78),
}


@dataclass(frozen=True)
class Backgrounds:
    """Everything that defines the backgrounds of some clips; coordinates in pixels."""

    colours: Float[Tensor, "clips 4 3"]
    horizon: Float[Tensor, "clips 1"]
    waves: Float[Tensor, "clips 3"]  # of the horizon: height, wavelength, phase
    kind: Float[Tensor, "clips shapes"]
    centre: Float[Tensor, "clips shapes 2"]
    half: Float[Tensor, "clips shapes 2"]  # half of width and height
    tint: Float[Tensor, "clips shapes 3"]

    def to(self, device: torch.device) -> Backgrounds:
        """The same on another device."""
        return Backgrounds(*(getattr(self, name).to(device) for name in self.__annotations__))


def sample_backgrounds(
    scene: Tensor, width: int, height: int, generator: torch.Generator
) -> Backgrounds:
    """Draw one background for each scene index; every number comes from `generator`."""
    n, names = len(scene), list(SCENES)
    draws = torch.rand(n, SHAPES, DRAWS, generator=generator)
    jitter = 1 + 0.16 * (torch.rand(n, 1, 3, generator=generator) - 0.5)
    v = torch.rand(n, 4, generator=generator)
    colours = torch.tensor([_COLOURS[name] for name in names])[scene] / 255 * jitter
    low, high = torch.tensor([_HORIZON[name] for name in names])[scene].unbind(-1)
    horizon = height * (low + (high - low) * v[:, 0])[:, None]
    whole = Layout(draws, horizon, width, height)
    for index, name in enumerate(names):
        chosen = scene == index
        if chosen.any():
            part = Layout(draws[chosen], horizon[chosen], width, height)
            LAYOUTS[name](part)
            for field in ("kind", "centre", "half", "tint"):
                getattr(whole, field)[chosen] = getattr(part, field)
    hills = torch.tensor([name in ("desert", "snow", "meadow") for name in names])[scene]
    wavelength, phase = 60 + 90 * v[:, 2], 6.283 * v[:, 3]
    waves = torch.stack([hills * (2 + 5 * v[:, 1]), wavelength, phase], -1)
    return Backgrounds(
        colours.clamp(0, 1),
        horizon,
        waves,
        whole.kind,
        whole.centre,
        whole.half,
        whole.tint.clamp(0, 1),
    )


def paint_backgrounds(
    background: Backgrounds, x: Float[Tensor, "clips 1 width"], height: int
) -> Float[Tensor, "clips 3 height width"]:
    """Evaluate each background at columns `x` (pixels, any offset) and rows 0 to height - 1."""
    y = torch.arange(height, device=x.device, dtype=x.dtype)[None, :, None]
    rise, wavelength, phase = background.waves[:, :, None, None].unbind(1)
    line = background.horizon[..., None] + rise * torch.sin(6.283 * x / wavelength + phase)
    above = (y / line).clamp(0, 1)[:, None]
    below = ((y - line) / (height - line)).clamp(0, 1)[:, None]
    top, brink, rim, floor = background.colours[..., None, None].unbind(1)
    cover = (line - y + 0.5).clamp(0, 1)[:, None]
    picture = cover * torch.lerp(top, brink, above) + (1 - cover) * torch.lerp(rim, floor, below)
    for shape in range(SHAPES):
        cover = _cover(background, shape, x, y)[:, None]
        picture = torch.lerp(picture, background.tint[:, shape, :, None, None], cover)
    return picture


def _cover(background: Backgrounds, shape: int, x: Tensor, y: Tensor) -> Tensor:
    """Fraction of each pixel that a shape covers, from its signed distance in pixels."""
    kind = background.kind[:, shape, None, None]
    cx, cy = background.centre[:, shape, :, None, None].unbind(1)
    w, h = background.half[:, shape, :, None, None].unbind(1)
    dx, dy = (x - cx).abs(), y - cy
    disc = torch.hypot(dx, dy) - w
    box = torch.maximum(dx - w, dy.abs() - h)
    # An isosceles triangle, tip up: each side is a line through the tip and a corner of the base.
    flank = (2 * h * dx - w * (dy + h)) / torch.hypot(2 * h, w)
    triangle = torch.maximum(flank, dy - h)
    distance = torch.where(kind == DISC, disc, torch.where(kind == BOX, box, triangle))
    return torch.where(w > 0, (0.5 - distance).clamp(0, 1), torch.zeros_like(distance))
