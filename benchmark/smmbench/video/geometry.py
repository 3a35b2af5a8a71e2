"""Size and orientation of frames: resizing, square pixels, and display matrices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from smmbench.errors import VideoError


def stretch(
    frames: UInt8[np.ndarray, "time height width 3"],
    width: int,
    height: int,
    box: tuple[float, float, float, float] | None = None,
) -> UInt8[np.ndarray, "time new_height new_width 3"]:
    """Resize every frame with Pillow's bicubic filter, antialiased when it shrinks.

    Pillow computes in integers, so every machine gets the same bytes.

    Args:
        frames: RGB frames.
        width: Width of the result in pixels.
        height: Height of the result in pixels.
        box: Region to use (left, top, right, bottom) in pixels, possibly fractional; None for the
            whole frame.
    """
    resized = np.empty((len(frames), height, width, 3), dtype=np.uint8)
    for t, frame in enumerate(frames):
        image = Image.fromarray(np.ascontiguousarray(frame))
        resized[t] = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return resized


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Size in square pixels of a frame whose pixels are `aspect` times as wide as they are high.

    One side grows and the other stays, so that no detail is lost.
    """
    if aspect > 1:
        return max(1, round(width * aspect)), height
    return width, max(1, round(height / aspect))


def orient(
    frames: UInt8[np.ndarray, "time height width 3"], matrix: Sequence[int], name: str
) -> tuple[UInt8[np.ndarray, "time upright_height upright_width 3"], str]:
    """Rotate and mirror frames as their display matrix states.

    The matrix [a b u; c d v; x y w] maps a stored point (x, y) to the displayed (a x + c y,
    b x + d y); ISO 14496-12, 6.2.2. Only its signs count here.

    Returns:
        The frames as displayed, and a note, which is empty if nothing changed.

    Raises:
        VideoError: The matrix is neither a quarter turn nor a reflection.
    """
    a, b, c, d = (matrix[i] for i in (0, 1, 3, 4))
    small = max(abs(value) for value in (a, b, c, d)) // 100  # encoders round sines and cosines
    swapped = abs(a) <= small and abs(d) <= small and abs(b) > small and abs(c) > small
    straight = abs(b) <= small and abs(c) <= small and abs(a) > small and abs(d) > small
    if not (swapped or straight):
        raise VideoError(
            f"'{name}' is to be displayed at an angle that is not a multiple of 90 degrees "
            f"(display matrix {list(matrix)}); rotate it yourself first."
        )
    if swapped:
        frames = frames.swapaxes(1, 2)
    x_sign, y_sign = (c, b) if swapped else (a, d)
    frames = np.ascontiguousarray(frames[:, :: 1 if y_sign > 0 else -1, :: 1 if x_sign > 0 else -1])
    return frames, _TURNS[swapped, x_sign > 0, y_sign > 0]


# How (swapped axes, x forward, y forward) looks to a viewer.
_TURNS = {
    (False, True, True): "",
    (False, False, False): "turned by 180 degrees as flagged",
    (False, False, True): "mirrored as flagged",
    (False, True, False): "flipped upside down as flagged",
    (True, False, True): "turned by 90 degrees clockwise as flagged",
    (True, True, False): "turned by 90 degrees anticlockwise as flagged",
    (True, True, True): "transposed as flagged",
    (True, False, False): "transposed the other way as flagged",
}
