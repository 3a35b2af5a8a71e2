"""The world itself: draws clips, renders them, and knows their ground truth.

It shares sprites, scenes and families of motion with the world `emoji`, and its rule of what is
held out, but clips have 17 frames (4k + 1, as causal video VAEs need) and an attribute: another
colour, another size, two of a kind, or a second object. Two objects move as one, side by side.

Coordinates are (x, y) in pixels; the centre of the top-left pixel is (0, 0). Every random number
comes from one CPU generator, so a seed gives the same clips on every device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as nnf
from jaxtyping import Float, Int
from torch import Tensor

from smmbench_datasets.emoji.atlas import load_atlas
from smmbench_datasets.emoji.motions import path_of, size_of
from smmbench_datasets.emoji.sampling import EDGE, SPLITS, Split, split_of
from smmbench_datasets.emoji.scenes import Backgrounds, paint_backgrounds, sample_backgrounds
from smmbench_datasets.emoji_wan.captions import (
    COLOURS,
    KINDS,
    LARGE,
    MOTIONS,
    OBJECTS,
    PLAIN,
    SCENES,
    SECOND,
    SMALL,
    TWO,
    caption,
)

FRAMES, WIDTH, HEIGHT, FPS = 17, 128, 128, 8.0
# How often each kind of attribute occurs in training, in the order of `KINDS`.
SHARES = (0.44, 0.16, 0.1, 0.12, 0.18)
SCALES = {SMALL: 0.55, LARGE: 1.45}  # of a tile's side
PAIR_SCALE = 0.7  # of both tiles, if there are two objects
PAIR_REACH = 0.55  # from the midpoint of two objects to the centre of each, in tiles
SIZED = tuple(i for i, name in enumerate(MOTIONS) if name in ("approach", "recede"))

Uniform = Callable[[float, float], Float[Tensor, "clips 1"]]


@dataclass(frozen=True)
class Clips:
    """Everything that defines some clips.

    Attributes:
        object: Index into the names of objects; `scene` and `motion` likewise.
        scene: Index of the kind of background.
        motion: Index of the family of motion.
        attribute: See `captions`.
        path: Centre of the object.
        size: Side of its tile, in pixels.
        other: The second object, or -1 for none.
        other_path: Its centre, whether it is present or not.
        background: The background.
    """

    object: Int[Tensor, " clips"]
    scene: Int[Tensor, " clips"]
    motion: Int[Tensor, " clips"]
    attribute: Int[Tensor, " clips"]
    path: Float[Tensor, "clips time 2"]
    size: Float[Tensor, "clips time"]
    other: Int[Tensor, " clips"]
    other_path: Float[Tensor, "clips time 2"]
    background: Backgrounds

    def __len__(self) -> int:
        return len(self.object)

    def take(self, index: Tensor | slice) -> Clips:
        """Select some of the clips."""
        back = Backgrounds(*(getattr(self.background, f.name)[index] for f in fields(Backgrounds)))
        picked = {f.name: getattr(self, f.name)[index] for f in fields(self)[:-1]}
        return Clips(**picked, background=back)

    def caption(self, index: int, motion: bool = True) -> str:
        """What clip `index` shows, with its motion or without."""
        return caption(
            int(self.object[index]),
            int(self.scene[index]),
            int(self.motion[index]) if motion else None,
            int(self.attribute[index]),
        )


def draw_attributes(motion: Int[Tensor, " clips"], generator: torch.Generator) -> Tensor:
    """Draw an attribute for each clip by `SHARES`; a motion that changes the size gets no size.

    A second object is drawn as `SECOND` plus any object; `compose` takes the next one if it is
    the first object again.
    """
    n = len(motion)
    kind = torch.multinomial(torch.tensor(SHARES), n, True, generator=generator)
    draw = torch.rand(n, generator=generator)
    starts = torch.tensor([PLAIN, 1, SMALL, TWO, SECOND])
    counts = torch.tensor([1, len(COLOURS), 2, 1, len(OBJECTS)])
    attribute = starts[kind] + (draw * counts[kind]).long().minimum(counts[kind] - 1)
    sized = torch.isin(motion, torch.tensor(SIZED)) & (kind == KINDS.index("size"))
    return torch.where(sized, PLAIN, attribute)


def compose(
    object: Int[Tensor, " clips"],
    scene: Int[Tensor, " clips"],
    motion: Int[Tensor, " clips"],
    attribute: Int[Tensor, " clips"],
    generator: torch.Generator,
) -> Clips:
    """Draw the rest of clips whose object, scene, motion and attribute are given."""
    n = len(object)

    def uniform(low: float, high: float) -> Float[Tensor, "clips 1"]:
        return low + (high - low) * torch.rand(n, 1, generator=generator)

    same = attribute == SECOND + object
    attribute = torch.where(same, SECOND + (object + 1) % len(OBJECTS), attribute)
    path, size = torch.zeros(n, FRAMES, 2), torch.zeros(n, FRAMES)
    for index, family in enumerate(MOTIONS):
        here = (motion == index)[:, None]
        path = torch.where(here[..., None], path_of(family, FRAMES, uniform), path)
        size = torch.where(here, size_of(family, FRAMES, uniform), size)
    for number, scale in SCALES.items():
        size = torch.where((attribute == number)[:, None], size * scale, size)
    two = attribute >= TWO
    size = torch.where(two[:, None], size * PAIR_SCALE, size)
    reach = torch.zeros(n, FRAMES, 2)
    reach[..., 0] = torch.where(two[:, None], size * PAIR_REACH, reach[..., 0])
    middle = _into_picture(path, size[..., None] / 2 + reach - EDGE, uniform)
    side = torch.sign(uniform(-1, 1))[..., None]
    other = torch.where(attribute == TWO, object, attribute - SECOND)
    return Clips(
        object=object,
        scene=scene,
        motion=motion,
        attribute=attribute,
        path=middle + side * reach,
        size=size,
        other=torch.where(two, other, -1),
        other_path=middle - side * reach,
        background=sample_backgrounds(scene, WIDTH, HEIGHT, generator),
    )


def sample(n: int, generator: torch.Generator, split: Split = "train") -> Clips:
    """Draw clips whose combination of object, scene and motion belongs to `split`."""
    draws = 40 * n + 400  # a split has only a tenth of the combinations
    kinds = (len(OBJECTS), len(SCENES), len(MOTIONS))
    o, s, m = (torch.randint(k, (draws,), generator=generator) for k in kinds)
    kept = (split_of(o, s, m) == SPLITS.index(split)).nonzero()[:n, 0]
    attribute = draw_attributes(m[kept], generator)
    return compose(o[kept], s[kept], m[kept], attribute, generator)


class Renderer:
    """Draws clips.

    Args:
        device: Device for rendering.

    Attributes:
        sprites: Natural ones, then those of each colour: RGB times alpha, then alpha.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        # Halved once, so that bilinear sampling reads about one texel a pixel, without flicker.
        natural = nnf.interpolate(load_atlas(self.device), scale_factor=0.5, mode="area")
        tints = torch.tensor(list(COLOURS.values()), device=self.device) / 255
        self.sprites = torch.cat([natural, *(tinted(natural, tint) for tint in tints)])

    def render(self, clips: Clips) -> Float[Tensor, "clips time 3 height width"]:
        """All frames, 0 to 1."""
        return self.render_with_alpha(clips)[0]

    def render_with_alpha(self, clips: Clips) -> tuple[Tensor, Tensor]:
        """All frames (clips, time, 3, height, width), and the alpha of all objects in them."""
        n = len(clips)
        which = torch.arange(n).repeat_interleave(FRAMES)
        picture, alpha = self._draw(clips, which, torch.arange(FRAMES).repeat(n))
        shape = (n, FRAMES, -1, HEIGHT, WIDTH)
        return picture.view(shape), alpha.view(shape)

    def render_frames(self, clips: Clips, t: Int[Tensor, " clips"]) -> tuple[Tensor, Tensor]:
        """Frame `t` of each clip (clips, 3, height, width), and the alpha of all objects in it."""
        return self._draw(clips, torch.arange(len(clips)), t.cpu())

    def object_alpha(self, clips: Clips) -> Float[Tensor, "clips time height width"]:
        """Alpha of the first object in every frame."""
        n = len(clips)
        which, frame = torch.arange(n).repeat_interleave(FRAMES), torch.arange(FRAMES).repeat(n)
        sprite = self._sprite(
            clips.object[which], clips.path[which, frame], clips.size[which, frame]
        )
        return sprite[:, 3].view(n, FRAMES, HEIGHT, WIDTH)

    def _draw(self, clips: Clips, which: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        columns = torch.arange(WIDTH, dtype=torch.float32, device=self.device)
        back = paint_backgrounds(
            clips.background.to(self.device), columns.expand(len(clips), 1, WIDTH), HEIGHT
        )
        picture = back[which.to(self.device)]
        size = clips.size[which, frame]
        colour = torch.where(clips.attribute < SMALL, clips.attribute, PLAIN)[which]
        first = self._sprite(
            clips.object[which] + colour * len(OBJECTS), clips.path[which, frame], size
        )
        alpha = first[:, 3:]
        if (clips.other >= 0).any():
            there = (clips.other[which] >= 0).to(self.device)[:, None, None, None]
            second = there * self._sprite(
                clips.other[which].clamp(min=0), clips.other_path[which, frame], size
            )
            picture = second[:, :3] + (1 - second[:, 3:]) * picture
            alpha = torch.maximum(alpha, second[:, 3:])
        return (first[:, :3] + (1 - first[:, 3:]) * picture).clamp(0, 1), alpha

    def _sprite(self, sprite: Tensor, centre: Tensor, size: Tensor) -> Tensor:
        """Sprites at their positions on an empty picture: RGB times alpha, and alpha."""
        centre, size = centre.to(self.device), size.to(self.device)
        x = 2 * (torch.arange(WIDTH, device=self.device) - centre[:, :1]) / size[:, None]
        y = 2 * (torch.arange(HEIGHT, device=self.device) - centre[:, 1:]) / size[:, None]
        grid = torch.stack(
            [x[:, None].expand(-1, HEIGHT, -1), y[..., None].expand(-1, -1, WIDTH)], -1
        )
        tiles = self.sprites[sprite.to(self.device)]
        return nnf.grid_sample(tiles, grid, padding_mode="zeros", align_corners=False)


def tinted(
    sprites: Float[Tensor, "sprites 4 side side"], colour: Float[Tensor, " 3"]
) -> Float[Tensor, "sprites 4 side side"]:
    """Sprites in one colour that keep the lightness of each part."""
    alpha = sprites[:, 3:]
    light = sprites[:, :3].mean(1, keepdim=True)  # times alpha, as the result is
    shade = 0.45 * alpha + 0.55 * light
    return torch.cat([colour.view(1, 3, 1, 1) * shade, alpha], 1)


def _into_picture(
    path: Float[Tensor, "clips time 2"], margin: Float[Tensor, "clips time 2"], uniform: Uniform
) -> Float[Tensor, "clips time 2"]:
    """Shift each path to a random position at which `margin` around it stays in the picture.

    A path too long for the picture is shrunk to fit.
    """
    canvas = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    room = (canvas - 2 * margin.amax(1)).clamp(min=0)
    extent = path.amax(1) - path.amin(1)
    path = path * (room / extent.clamp(min=1e-6)).clamp(max=1)[:, None]
    low, high = (margin - path).amax(1), (canvas - margin - path).amin(1)
    draw = torch.cat([uniform(0, 1), uniform(0, 1)], -1)
    return path + (low + (high - low).clamp(min=0) * draw)[:, None]
