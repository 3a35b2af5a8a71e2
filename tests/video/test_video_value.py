"""The value `Video`: what its hash depends on, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from smmbench.errors import VideoError
from smmbench.video import Video


def test_the_hash_of_pixels_knows_the_shape() -> None:
    """The same bytes, laid out as another picture, are another video."""
    flat = np.arange(2 * 4 * 6 * 3, dtype=np.uint8)
    wide, high = (Video(flat.reshape(2, *size, 3), fps=8.0) for size in ((4, 6), (6, 4)))
    assert wide.frames.tobytes() == high.frames.tobytes()
    assert wide.pixels_sha256 != high.pixels_sha256


def test_the_hash_of_pixels_knows_pixels_alone() -> None:
    frames = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    one = Video(frames, fps=8.0)
    assert one.pixels_sha256 == Video(frames[:, ::1], fps=24.0, notes=("a",)).pixels_sha256
    changed = frames.copy()
    changed[1, 2, 3, 0] += 1
    assert one.pixels_sha256 != Video(changed, fps=8.0).pixels_sha256


@pytest.mark.parametrize("shape", [(0, 4, 6, 3), (2, 0, 6, 3), (2, 4, 0, 3)])
def test_a_video_without_a_pixel_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(VideoError, match="at least one pixel"):
        Video(np.zeros(shape, dtype=np.uint8), fps=8.0)
