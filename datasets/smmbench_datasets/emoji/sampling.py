"""What defines a clip: object, scene, motion, paths and background; and which clips are held out.

Coordinates are (x, y) in pixels; the centre of the top-left pixel is (0, 0), as in OpenCV.
Every random number comes from one CPU generator, so that a seed gives the same clips on any device.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from smmbench_datasets.emoji.atlas import OBJECTS
from smmbench_datasets.emoji.motions import MOTIONS, Uniform, path_of, size_of
from smmbench_datasets.emoji.scenes import SCENES, Backgrounds, sample_backgrounds

FRAMES, WIDTH, HEIGHT, FPS = 16, 128, 128, 8.0
EDGE = 3  # pixels of an object's tile that may leave the picture
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

_Paths = Float[Tensor, "clips time 2"]


@dataclass(frozen=True)
class Clips:
    """Everything that defines some clips; the pictures follow from it.

    Attributes:
        object: Index into the names of `World`; so are `scene` and `motion`.
        scene: Index of the kind of background.
        motion: Index of the family of motion.
        path: Centre of the object.
        size: Side of its tile in pixels.
        pan: How far the camera has moved to the right, in pixels.
        companion: A second object behind the first, of the same size; -1 for none.
        companion_path: Its centre, whether it is present or not.
        background: The background.
    """

    object: Int[Tensor, " clips"]
    scene: Int[Tensor, " clips"]
    motion: Int[Tensor, " clips"]
    path: Float[Tensor, "clips time 2"]
    size: Float[Tensor, "clips time"]
    pan: Float[Tensor, "clips time"]
    companion: Int[Tensor, " clips"]
    companion_path: Float[Tensor, "clips time 2"]
    background: Backgrounds

    def __len__(self) -> int:
        return len(self.object)

    def take(self, index: Tensor | slice) -> Clips:
        """Select some of the clips."""
        picked = {f.name: getattr(self, f.name)[index] for f in fields(self)[:-1]}
        back = {f.name: getattr(self.background, f.name)[index] for f in fields(Backgrounds)}
        return Clips(**picked, background=Backgrounds(**back))


def split_of(object: Tensor, scene: Tensor, motion: Tensor) -> Int[Tensor, " clips"]:
    """0 train, 1 val, 2 test: a tenth of the triples each for val and test, selected by a hash.

    Every object, scene and motion, and nearly every pair of them, occurs in training; a triple of
    val or test does not.
    """
    key = (object * len(SCENES) + scene) * len(MOTIONS) + motion
    for factor in (0x9E3B, 0x85EB):  # two rounds of multiply and fold separate neighbours
        key = (key + 1) * factor & 0xFFFFFFFF
        key = key ^ (key >> 13)
    key = key % 10
    return (key == 3).long() + 2 * (key == 8).long()


def draw_clips(
    object: Int[Tensor, " clips"],
    scene: Int[Tensor, " clips"],
    motion: Int[Tensor, " clips"],
    generator: torch.Generator,
) -> Clips:
    """Draw the rest of clips whose object, scene and motion are given by index."""
    n = len(object)

    def uniform(low: float, high: float) -> Float[Tensor, "clips 1"]:
        return low + (high - low) * torch.rand(n, 1, generator=generator)

    path, size = _paths_and_sizes(motion, uniform)
    share = torch.arange(FRAMES) / (FRAMES - 1)
    pans = motion == list(MOTIONS).index("pan")
    pan = uniform(30, 60) * torch.sign(uniform(-1, 1)) * share * pans[:, None]
    two = motion == list(MOTIONS).index("two")
    size = torch.where(two[:, None], size * 0.7, size)
    lift = uniform(20, 26)
    other = torch.randint(len(OBJECTS) - 1, (n,), generator=generator)
    other = other + (other >= object)  # never the same object twice
    placed = _into_picture(path, size, uniform)
    # Two objects pass each other, one above and one below the middle.
    start = torch.where(two[:, None], HEIGHT / 2 - lift, placed[:, 0, 1:])
    y = placed[..., 1:] + (start - placed[:, 0, 1:])[:, None]
    placed = torch.cat([placed[..., :1], y], -1)
    return Clips(
        object=object,
        scene=scene,
        motion=motion,
        path=placed,
        size=size,
        pan=pan,
        companion=torch.where(two, other, -1),
        companion_path=torch.tensor([WIDTH - 1.0, HEIGHT - 1.0]) - placed,
        background=sample_backgrounds(scene, WIDTH, HEIGHT, generator),
    )


def _paths_and_sizes(
    motion: Int[Tensor, " clips"], uniform: Uniform
) -> tuple[_Paths, Float[Tensor, "clips time"]]:
    """Path and size of each clip's family; each family draws for all clips to keep seeds stable."""
    n = len(motion)
    path, size = torch.zeros(n, FRAMES, 2), torch.zeros(n, FRAMES)
    for index, family in enumerate(MOTIONS):
        here = (motion == index)[:, None]
        path = torch.where(here[..., None], path_of(family, FRAMES, uniform), path)
        size = torch.where(here, size_of(family, FRAMES, uniform), size)
    return path, size


def _into_picture(path: _Paths, size: Float[Tensor, "clips time"], uniform: Uniform) -> _Paths:
    """Shift each path to a random position at which the object's tile stays in the picture.

    A path too long for the picture is shrunk to fit.
    """
    margin = size[..., None] / 2 - EDGE
    canvas = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    room = canvas - 2 * margin.amax(1)
    extent = path.amax(1) - path.amin(1)
    path = path * (room / extent.clamp(min=1e-6)).clamp(max=1)[:, None]
    low = (margin - path).amax(1)
    high = (canvas - margin - path).amin(1)
    draw = torch.cat([uniform(0, 1), uniform(0, 1)], -1)
    return path + (low + (high - low).clamp(min=0) * draw)[:, None]
