"""What is kept of a video while it is read: how long, and each frame in which form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

Images = UInt8[np.ndarray, "... 3"]
"""Frames of any number and size, (time, height, width, 3)."""


def _as_it_is(images: Images) -> Images:
    return images


@dataclass(frozen=True)
class Wanted:
    """How much of a video is read; by default all of it.

    Attributes:
        seconds: Frames are read until one is shown so long after the first, or later.
        start: The number of the first frame; those before it are left out.
        finish: Applied to each upright frame as soon as it is read, to hold less of it.
    """

    seconds: float = math.inf
    start: int = 0
    finish: Callable[[Images], Images] = _as_it_is
