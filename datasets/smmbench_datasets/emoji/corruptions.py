"""Corruptions of a motion, in levels whose order is known.

Every change affects paths, sizes and the camera, never pictures: an output has another object and
another scene than its source anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from smmbench_datasets.emoji.sampling import EDGE
from smmbench_datasets.emoji.world import HEIGHT, WIDTH, Clips

ANGLES = (15, 30, 60, 90, 135, 180)  # degrees
DELAYS = (1, 2, 4, 8)  # frames
HALTS = (12, 8, 4)  # frames after which everything stands still
JITTERS = (0.5, 1.0, 2.0, 4.0)  # pixels: standard deviation of each coordinate, frame by frame
SPEEDS = (0.5, 0.25)
NOISES = (4.0, 12.0)  # of 255
# Not rotated as well: the camera, and two objects that move in opposite directions, which have the
# same directions after a rotation by 180 degrees.
SIZED = ("approach", "recede")  # their motion is that of the size

Times = Int[Tensor, " time"]


@dataclass(frozen=True, eq=False)
class Output:
    """A clip with a known corruption.

    Attributes:
        name: Name for people.
        ladder: Outputs on the same ladder are compared with one another; empty for none.
        level: Corruption within the ladder: more is worse, 0 is the unchanged motion.
        clip: The clip with the corrupted motion; object and scene are still those of the source.
        noise: Standard deviation of each pixel of each frame, of 255.
    """

    name: str
    ladder: str
    level: float
    clip: Clips
    noise: float = 0.0


def outputs(source: Clips, family: str, generator: torch.Generator) -> Iterator[Output]:
    """Yield every output that is derived from the motion of one clip."""
    yield Output("kept", "", 0, source)
    if source.pan.any() and family != "pan":
        yield Output("object lost", "", 0, object_lost(source))
    if not source.pan.any() and family not in (*SIZED, "two"):
        for angle in ANGLES:
            yield Output(f"turned {angle}", "direction", angle, turned(source, angle))
    length = source.path.shape[1]
    for frames in DELAYS:
        late = (torch.arange(length) - frames).clamp(min=0)
        yield Output(f"delay {frames}", "delay", frames, at_times(source, late))
    for frame in HALTS:
        halted = torch.arange(length).clamp(max=frame)
        yield Output(f"halts {frame}", "halt", length - frame, at_times(source, halted))
    for pixels in JITTERS:
        yield Output(f"jitter {pixels:g}", "jitter", pixels, jittered(source, pixels, generator))
    for factor in SPEEDS:
        yield Output(f"speed {factor:g}", "speed", 1 / factor, slowed(source, factor))
    yield Output("elsewhere", "", 0, elsewhere(source))
    yield Output("reversed", "", 0, at_times(source, torch.arange(length).flip(0)))
    order = torch.randperm(length, generator=generator)
    yield Output("shuffled", "", 0, at_times(source, order))
    frozen = at_times(source, torch.zeros(length, dtype=torch.long))
    yield Output("frozen", "halt", length, frozen)
    for noise in NOISES:
        yield Output(f"kept, noise {noise:g}", "", 0, source, noise)
        yield Output(f"frozen, noise {noise:g}", "", length, frozen, noise)


def at_times(clip: Clips, times: Times) -> Clips:
    """The clip's motion, shown at other times."""
    return replace(
        clip,
        path=clip.path[:, times],
        size=clip.size[:, times],
        pan=clip.pan[:, times],
        companion_path=clip.companion_path[:, times],
    )


def turned(clip: Clips, degrees: float) -> Clips:
    """Rotate every path by an angle; shift it, and shrink it if needed, to stay in the picture."""
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return replace(
        clip,
        path=in_picture(clip.path @ turn, clip.size),
        companion_path=in_picture(clip.companion_path @ turn, clip.size),
    )


def slowed(clip: Clips, factor: float) -> Clips:
    """The same directions at the same times, with each step `factor` times as long."""
    return replace(
        clip,
        path=_towards(clip.path, factor),
        size=_towards(clip.size.log(), factor).exp(),
        pan=_towards(clip.pan, factor),
        companion_path=_towards(clip.companion_path, factor),
    )


def jittered(clip: Clips, pixels: float, generator: torch.Generator) -> Clips:
    """Add jitter to objects and to a moving camera."""
    noise = pixels * torch.randn(3, clip.path.shape[1], 2, generator=generator)
    moves = (clip.pan != 0).any(1, keepdim=True)
    return replace(
        clip,
        path=clip.path + noise[:1],
        pan=clip.pan + noise[1:2, :, 0] * moves,
        companion_path=clip.companion_path + noise[2:],
    )


def object_lost(clip: Clips) -> Clips:
    """The object stands still in the scene, so only the camera moves it."""
    away = torch.stack([clip.pan, torch.zeros_like(clip.pan)], -1)
    return replace(clip, path=clip.path[:, :1] - (away - away[:, :1]))


def elsewhere(clip: Clips) -> Clips:
    """The same motion on the other side of the picture, as far as there is room."""
    canvas = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    middle = (clip.path.amax(1) + clip.path.amin(1)) / 2
    there = clip.path + (canvas - 2 * middle)[:, None]
    return replace(clip, path=in_picture(there, clip.size))


def in_picture(
    path: Float[Tensor, "clips time 2"], size: Float[Tensor, "clips time"]
) -> Float[Tensor, "clips time 2"]:
    """The path, moved as little as needed to keep the object's tile in the picture."""
    margin = size[..., None] / 2 - EDGE
    canvas = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    room = canvas - 2 * margin.amax(1)
    extent = path.amax(1) - path.amin(1)
    path = path * (room / extent.clamp(min=1e-6)).clamp(max=1)[:, None]
    low, high = (margin - path).amax(1), (canvas - margin - path).amin(1)
    return path + (low.clamp(min=0) + high.clamp(max=0))[:, None]


def _towards(values: Tensor, factor: float) -> Tensor:
    return values[:, :1] + factor * (values - values[:, :1])
