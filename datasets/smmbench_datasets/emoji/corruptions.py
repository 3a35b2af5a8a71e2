"""What can become of a motion, in steps whose order is known.

Every change is one of paths, sizes and the camera, never of pictures: object and scene of an output
are others than those of its source anyway.
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
HALTS = (12, 8, 4)  # frames after which all stands still
JITTERS = (0.5, 1.0, 2.0, 4.0)  # pixels: standard deviation of each coordinate, frame by frame
SPEEDS = (0.5, 0.25)
NOISES = (4.0, 12.0)  # of 255
# Not turned besides: the camera, and two objects that go against each other, which have the same
# directions when they are turned round.
SIZED = ("approach", "recede")  # their motion is that of the size

Times = Int[Tensor, " time"]


@dataclass(frozen=True, eq=False)
class Output:
    """A clip with a known damage.

    Attributes:
        name: For people.
        ladder: Outputs of one ladder are graded against each other; empty for none.
        level: Damage within the ladder: more is worse, 0 is the kept motion.
        clip: Its motion; object and scene are still those of the source.
        noise: Standard deviation of each pixel of each frame, of 255.
    """

    name: str
    ladder: str
    level: float
    clip: Clips
    noise: float = 0.0


def outputs(source: Clips, family: str, generator: torch.Generator) -> Iterator[Output]:
    """Everything that is made of the motion of one clip."""
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
    """The clip's motion shown at other times."""
    return replace(
        clip,
        path=clip.path[:, times],
        size=clip.size[:, times],
        pan=clip.pan[:, times],
        companion_path=clip.companion_path[:, times],
    )


def turned(clip: Clips, degrees: float) -> Clips:
    """Every path turned by an angle; moved, and shrunk if it must be, to stay in the picture."""
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return replace(
        clip,
        path=in_picture(clip.path @ turn, clip.size),
        companion_path=in_picture(clip.companion_path @ turn, clip.size),
    )


def slowed(clip: Clips, factor: float) -> Clips:
    """The same directions at the same times, each step `factor` as long."""
    return replace(
        clip,
        path=_towards(clip.path, factor),
        size=_towards(clip.size.log(), factor).exp(),
        pan=_towards(clip.pan, factor),
        companion_path=_towards(clip.companion_path, factor),
    )


def jittered(clip: Clips, pixels: float, generator: torch.Generator) -> Clips:
    """Objects, and a camera that moves, tremble."""
    noise = pixels * torch.randn(3, clip.path.shape[1], 2, generator=generator)
    moves = (clip.pan != 0).any(1, keepdim=True)
    return replace(
        clip,
        path=clip.path + noise[:1],
        pan=clip.pan + noise[1:2, :, 0] * moves,
        companion_path=clip.companion_path + noise[2:],
    )


def object_lost(clip: Clips) -> Clips:
    """The object stands still in the scene: only the camera moves it."""
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
    """The path moved as little as possible to keep the object's tile in the picture."""
    margin = size[..., None] / 2 - EDGE
    canvas = torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    room = canvas - 2 * margin.amax(1)
    extent = path.amax(1) - path.amin(1)
    path = path * (room / extent.clamp(min=1e-6)).clamp(max=1)[:, None]
    low, high = (margin - path).amax(1), (canvas - margin - path).amin(1)
    return path + (low.clamp(min=0) + high.clamp(max=0))[:, None]


def _towards(values: Tensor, factor: float) -> Tensor:
    return values[:, :1] + factor * (values - values[:, :1])
