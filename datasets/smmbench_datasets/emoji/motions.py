"""Families of motion: the path of an object's centre and its size, frame by frame.

Every family gives a path around (0, 0) in pixels; `World.sample` moves it to a position at which
the object stays in the picture. Time runs over frames 0 to F - 1; y points down.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Path = Float[Tensor, "clips time 2"]
Uniform = Callable[[float, float], Float[Tensor, "clips 1"]]  # one draw per clip between two bounds

# Families on which the text-to-video model is trained, with the words of their captions.
TRAINED: dict[str, str] = {
    "right": "moving right",
    "left": "moving left",
    "up": "rising",
    "down": "falling",
    "jump": "jumping",
    "bounce": "bouncing",
    "circle": "circling",
    "swing": "swinging",
    "zigzag": "zigzagging",
    "there-and-back": "going there and back",
    "stop-and-go": "stopping and going",
    "approach": "approaching",
    "recede": "receding",
}
# Families for the metrics' ground truth only, on which no model was trained.
UNTRAINED: dict[str, str] = {
    "pan": "passed by the camera",
    "two": "with a companion",
}
MOTIONS: dict[str, str] = TRAINED | UNTRAINED


def _curve(x: Tensor, y: Tensor) -> Path:
    return torch.stack([x, y], dim=-1)


def path_of(family: str, frames: int, uniform: Uniform) -> Path:
    """Draw the centre of the object in each frame, up to a shift.

    Raises:
        LookupError: There is no such family.
    """
    k = torch.arange(frames, dtype=torch.float32)
    share = k / (frames - 1)
    side = torch.sign(uniform(-1, 1))
    match family:
        case "right" | "left" | "two":
            way = {"right": 1.0, "left": -1.0}.get(family, side)
            speed = uniform(3.0, 5.0) * way
            return _curve(speed * k, uniform(-0.6, 0.6) * k)
        case "up" | "down":
            speed = uniform(3.0, 5.0) * (-1 if family == "up" else 1)
            return _curve(uniform(-0.6, 0.6) * k, speed * k)
        case "jump":
            return _curve(side * uniform(2.2, 3.8) * k, -uniform(32, 56) * 4 * share * (1 - share))
        case "bounce":
            leaps = uniform(1.8, 2.3)
            return _curve(
                side * uniform(0, 0.8) * k,
                -uniform(34, 58) * torch.sin(math.pi * leaps * share).abs(),
            )
        case "circle":
            angle = 2 * math.pi * (side * uniform(0.85, 1.15) * share + uniform(0, 1))
            radius = uniform(20, 31)
            return _curve(radius * torch.cos(angle), radius * torch.sin(angle))
        case "swing":
            angle = uniform(0.75, 1.0) * torch.sin(
                2 * math.pi * (uniform(1.0, 1.4) * share + uniform(0, 1))
            )
            length = uniform(38, 50)
            return _curve(length * torch.sin(angle), length * torch.cos(angle))
        case "zigzag":
            phase = 2.0 * share * uniform(0.9, 1.1) + uniform(0, 1)
            wave = 4 * ((phase % 1) - 0.5).abs() - 1
            return _curve(side * uniform(2.6, 4.2) * k, uniform(13, 22) * wave)
        case "there-and-back":
            turn = uniform(0.4, 0.6)
            out = torch.minimum(share / turn, (1 - share) / (1 - turn))
            return _curve(side * uniform(42, 66) * out, uniform(-6, 6) * share)
        case "stop-and-go":
            # Two runs at the same speed with a rest between; the second takes the remaining time.
            start, rest = uniform(0.28, 0.38), uniform(0.25, 0.35)
            run = share.clamp(max=start) + (share - start - rest).clamp(min=0)
            return _curve(side * uniform(85, 110) * run, uniform(-6, 6) * run)
        case "approach" | "recede":
            return _curve(uniform(-0.8, 0.8) * k, uniform(-0.8, 0.8) * k)
        case "pan":
            return _curve(uniform(-0.5, 0.5) * k, uniform(-0.5, 0.5) * k)
    raise LookupError(f"No motion '{family}'; available: {', '.join(MOTIONS)}.")


def size_of(family: str, frames: int, uniform: Uniform) -> Float[Tensor, "clips time"]:
    """Draw the side of the object's tile in pixels in each frame; it changes by equal factors."""
    share = torch.arange(frames, dtype=torch.float32) / (frames - 1)
    small, large = uniform(26, 32), uniform(60, 74)
    if family == "approach":
        return small * (large / small) ** share
    if family == "recede":
        return large * (small / large) ** share
    return uniform(44, 60).expand(-1, frames)
