"""Show a motion with another appearance: another object in another scene."""

from __future__ import annotations

from dataclasses import replace

import torch

from smmbench_datasets.emoji.sampling import Clips
from smmbench_datasets.emoji.world import World

CAMERA = "camera-and-object"  # a panning camera, and an object that zigzags in front of it


def draw_source(world: World, family: str, generator: torch.Generator) -> Clips:
    """Draw one clip of a family of motion; `CAMERA` is two families at once."""
    if family == CAMERA:
        pan = draw_source(world, "pan", generator).pan
        return replace(draw_source(world, "zigzag", generator), pan=pan)
    object, scene = _pick(world, generator)
    return world.compose(object, scene, torch.tensor([world.motions.index(family)]), generator)


def dressed(world: World, clip: Clips, generator: torch.Generator) -> Clips:
    """The same motion with another object and another scene."""
    object, scene = _pick(world, generator)
    object = (clip.object + 1 + object % (len(world.objects) - 1)) % len(world.objects)
    scene = (clip.scene + 1 + scene % (len(world.scenes) - 1)) % len(world.scenes)
    other = world.compose(object, scene, clip.motion, generator)
    return with_motion_of(other, clip)


def with_motion_of(look: Clips, motion: Clips) -> Clips:
    """Object and scene of one clip, with all motion of another."""
    return replace(
        look,
        path=motion.path,
        size=motion.size,
        pan=motion.pan,
        companion_path=motion.companion_path,
    )


def _pick(world: World, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    kinds = len(world.objects), len(world.scenes)
    object, scene = (torch.randint(kind, (1,), generator=generator) for kind in kinds)
    return object, scene
