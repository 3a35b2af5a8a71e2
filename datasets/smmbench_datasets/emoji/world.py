"""The emoji world: one sprite moving over a scene, with its caption and everything that is true.

Coordinates are (x, y) in pixels; the centre of the top-left pixel is (0, 0), as in OpenCV.
Every random number comes from one CPU generator, so that a seed means the same on any device.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
import torch.nn.functional as nnf
from jaxtyping import Float, Int
from torch import Tensor

from smmbench_datasets.emoji.atlas import OBJECTS, load_atlas
from smmbench_datasets.emoji.motions import MOTIONS, TRAINED, path_of, size_of
from smmbench_datasets.emoji.scenes import (
    NOUNS,
    SCENES,
    Backgrounds,
    paint_backgrounds,
    sample_backgrounds,
)

FRAMES, WIDTH, HEIGHT, FPS = 16, 128, 128, 8.0
EDGE = 3  # pixels of an object's tile that may leave the picture
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Clips:
    """Everything that fixes some clips; the pictures follow from it."""

    object: Int[Tensor, " clips"]
    scene: Int[Tensor, " clips"]
    motion: Int[Tensor, " clips"]
    path: Float[Tensor, "clips time 2"]  # centre of the object
    size: Float[Tensor, "clips time"]  # side of its tile
    pan: Float[Tensor, "clips time"]  # camera's way to the right
    companion: Int[Tensor, " clips"]  # a second object; -1 for none
    companion_path: Float[Tensor, "clips time 2"]
    background: Backgrounds

    def __len__(self) -> int:
        return len(self.object)

    def take(self, index: Tensor | slice) -> Clips:
        """Some of the clips."""
        picked = {f.name: getattr(self, f.name)[index] for f in fields(self)[:-1]}
        back = {f.name: getattr(self.background, f.name)[index] for f in fields(Backgrounds)}
        return Clips(**picked, background=Backgrounds(**back))


def split_of(object: Tensor, scene: Tensor, motion: Tensor) -> Int[Tensor, " clips"]:
    """0 train, 1 val, 2 test: a tenth of the triples each for val and test, picked by a hash.

    Every object, scene and motion, and nearly every pair of them, is met in training; a triple
    of val or test is not.
    """
    key = (object * len(SCENES) + scene) * len(MOTIONS) + motion
    for factor in (0x9E3B, 0x85EB):  # two rounds of multiply and fold spread neighbours apart
        key = (key + 1) * factor & 0xFFFFFFFF
        key = key ^ (key >> 13)
    key = key % 10
    return (key == 3).long() + 2 * (key == 8).long()


class World:
    """Samples and renders clips.

    Args:
        device: Where to render. Sampling is always on the CPU.
    """

    objects = tuple(OBJECTS)
    scenes = tuple(SCENES)
    motions = tuple(MOTIONS)

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.atlas = load_atlas(self.device)
        # Sprites are shown at 26 to 74 pixels: halve the tiles once, so that bilinear sampling
        # meets about one texel a pixel and nothing flickers.
        self.sprites = nnf.interpolate(self.atlas, scale_factor=0.5, mode="area")

    def sample(self, n: int, generator: torch.Generator, split: Split = "train") -> Clips:
        """Draw clips whose combination of object, scene and motion belongs to `split`."""
        wanted = SPLITS.index(split)
        draws = 40 * n + 400  # a tenth of the combinations must suffice
        kinds = (len(OBJECTS), len(SCENES), len(TRAINED))
        o, s, m = (torch.randint(k, (draws,), generator=generator) for k in kinds)
        kept = (split_of(o, s, m) == wanted).nonzero()[:n, 0]
        return self.compose(o[kept], s[kept], m[kept], generator)

    def compose(
        self, object: Tensor, scene: Tensor, motion: Tensor, generator: torch.Generator
    ) -> Clips:
        """Draw clips of the given objects, scenes and motions (indices into the names)."""
        n = len(object)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, 1, generator=generator)

        path, size = torch.zeros(n, FRAMES, 2), torch.zeros(n, FRAMES)
        for index, family in enumerate(MOTIONS):  # each draws for all: a seed means one world
            here = (motion == index)[:, None]
            path = torch.where(here[..., None], path_of(family, FRAMES, uniform), path)
            size = torch.where(here, size_of(family, FRAMES, uniform), size)
        share = torch.arange(FRAMES) / (FRAMES - 1)
        pans = motion == self.motions.index("pan")
        pan = uniform(30, 60) * torch.sign(uniform(-1, 1)) * share * pans[:, None]
        two = motion == self.motions.index("two")
        size = torch.where(two[:, None], size * 0.7, size)
        lift = torch.tensor([0.0, 1.0]) * uniform(20, 26)  # two objects pass each other
        other = torch.randint(len(OBJECTS) - 1, (n,), generator=generator)
        other = other + (other >= object)  # never the same object twice
        placed = _into_picture(path, size, uniform)
        middle = torch.where(two[:, None], HEIGHT / 2 - lift[:, 1:], placed[:, 0, 1:])
        placed = torch.cat(
            [placed[..., :1], placed[..., 1:] + (middle - placed[:, 0, 1:])[:, None]], -1
        )
        mirrored = torch.stack([WIDTH - 1 - placed[..., 0], HEIGHT - 1 - placed[..., 1]], -1)
        return Clips(
            object=object,
            scene=scene,
            motion=motion,
            path=placed,
            size=size,
            pan=pan,
            companion=torch.where(two, other, -1),
            companion_path=mirrored,
            background=sample_backgrounds(scene, WIDTH, HEIGHT, generator),
        )

    def render(self, clips: Clips) -> Float[Tensor, "clips time 3 height width"]:
        """All frames, 0 to 1."""
        n = len(clips)
        frame = torch.arange(FRAMES).repeat(n)
        picture, _ = self._draw(clips, torch.arange(n).repeat_interleave(FRAMES), frame)
        return picture.view(n, FRAMES, 3, HEIGHT, WIDTH)

    def render_frames(
        self, clips: Clips, t: Int[Tensor, " clips"]
    ) -> tuple[Float[Tensor, "clips 3 height width"], Float[Tensor, "clips 1 height width"]]:
        """Frame `t` of each clip, 0 to 1, and the alpha of its object."""
        return self._draw(clips, torch.arange(len(clips)), t.cpu())

    def masks(self, clips: Clips) -> Float[Tensor, "clips time height width"]:
        """Alpha of the object in every frame, 0 to 1; a companion does not count."""
        n = len(clips)
        which, frame = torch.arange(n).repeat_interleave(FRAMES), torch.arange(FRAMES).repeat(n)
        sprite = self._sprite(
            clips.object[which], clips.path[which, frame], clips.size[which, frame]
        )
        return sprite[:, 3].view(n, FRAMES, HEIGHT, WIDTH)

    def centres(self, clips: Clips) -> Float[Tensor, "clips time 2"]:
        """Centre of the object's tile in every frame."""
        return clips.path

    def caption(self, object: int | None, scene: int | None, motion: int | None = None) -> str:
        """What a clip shows, in words; parts may be left out, all of them give ''."""
        words = []
        if object is not None:
            name = self.objects[object]
            words.append(("an " if name[0] in "aeiou" else "a ") + name)
            if motion is not None:
                words.append(MOTIONS[self.motions[motion]])
        if scene is not None:
            name = self.scenes[scene]
            words.append(SCENES[name] if object is not None else NOUNS[name])
        return " ".join(words)

    def captions(self, clips: Clips, generator: torch.Generator, motion: float = 0.5) -> list[str]:
        """Object and scene of each clip; its motion too with probability `motion`."""
        named = torch.rand(len(clips), generator=generator) < motion
        return [
            self.caption(o, s, m if told else None)
            for o, s, m, told in zip(
                clips.object.tolist(),
                clips.scene.tolist(),
                clips.motion.tolist(),
                named.tolist(),
                strict=True,
            )
        ]

    def _draw(self, clips: Clips, which: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        picture = self._background(clips, which, frame)
        if (clips.companion >= 0).any():
            companion = self._sprite(
                clips.companion[which].clamp(min=0),
                clips.companion_path[which, frame],
                clips.size[which, frame],
            )
            companion = (
                companion * (clips.companion[which] >= 0).to(self.device)[:, None, None, None]
            )
            picture = companion[:, :3] + (1 - companion[:, 3:]) * picture
        sprite = self._sprite(
            clips.object[which], clips.path[which, frame], clips.size[which, frame]
        )
        return sprite[:, :3] + (1 - sprite[:, 3:]) * picture, sprite[:, 3:]

    def _background(self, clips: Clips, which: Tensor, frame: Tensor) -> Tensor:
        """Evaluated once a clip where the camera stands still."""
        columns = torch.arange(WIDTH, dtype=torch.float32)
        if clips.pan.any():
            some = clips.take(which).background.to(self.device)
            x = columns + clips.pan[which, frame][:, None]
            return paint_backgrounds(some, x[:, None].to(self.device), HEIGHT)
        x = columns.expand(len(clips), 1, WIDTH).to(self.device)
        return paint_backgrounds(clips.background.to(self.device), x, HEIGHT)[which.to(self.device)]

    def _sprite(self, object: Tensor, centre: Tensor, size: Tensor) -> Tensor:
        """Sprites at their places, RGB times alpha and alpha, on an empty picture."""
        centre, size = centre.to(self.device), size.to(self.device)
        x = 2 * (torch.arange(WIDTH, device=self.device) - centre[:, :1]) / size[:, None]
        y = 2 * (torch.arange(HEIGHT, device=self.device) - centre[:, 1:]) / size[:, None]
        grid = torch.stack(
            [x[:, None].expand(-1, HEIGHT, -1), y[..., None].expand(-1, -1, WIDTH)], -1
        )
        return nnf.grid_sample(
            self.sprites[object.to(self.device)], grid, padding_mode="zeros", align_corners=False
        )


def still(clips: Clips) -> Clips:
    """The same clips with everything at rest where it was in the first frame."""
    return replace(
        clips,
        path=clips.path[:, :1].expand_as(clips.path),
        size=clips.size[:, :1].expand_as(clips.size),
        pan=torch.zeros_like(clips.pan),
        companion_path=clips.companion_path[:, :1].expand_as(clips.companion_path),
    )


def _into_picture(path: Tensor, size: Tensor, uniform: object) -> Float[Tensor, "clips time 2"]:
    """Shift each path so that the object's tile stays in the picture, at a random such place.

    A path too long for the picture is shrunk to fit it.
    """
    margin = size[..., None] / 2 - EDGE
    canvas = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    room = canvas - 2 * margin.amax(1)
    extent = path.amax(1) - path.amin(1)
    path = path * (room / extent.clamp(min=1e-6)).clamp(max=1)[:, None]
    low = (margin - path).amax(1)
    high = (canvas - margin - path).amin(1)
    draw = torch.cat([uniform(0, 1), uniform(0, 1)], -1)  # type: ignore[operator]
    return path + (low + (high - low).clamp(min=0) * draw)[:, None]
