"""Which part of a video is read, and in which form each frame is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

Images = UInt8[np.ndarray, "... 3"]
"""Any number of frames of any size, (time, height, width, 3)."""


def _as_it_is(images: Images) -> Images:
    return images


@dataclass(frozen=True)
class Wanted:
    """The part of a video to read; by default all of it.

    Attributes:
        seconds: Read until a frame is displayed this many seconds after the first, or later.
        start: Number of the first frame; earlier ones are left out.
        finish: Applied to each upright frame as soon as it is read, to keep less of it.
    """

    seconds: float = math.inf
    start: int = 0
    finish: Callable[[Images], Images] = _as_it_is
