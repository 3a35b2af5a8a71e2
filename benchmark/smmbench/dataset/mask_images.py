"""Foreground masks published as images, one per frame, in the normal form of their clip."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from smmbench.errors import VideoError, raise_if_machine
from smmbench.video import Limits, NormalForm, Video, normal_form
from smmbench.video.images import numbered_images


def read_masks(
    folder: Path, form: NormalForm, fps: float, start: int = 0
) -> Bool[np.ndarray, "time height width"]:
    """Read masks and convert them to the normal form of their clip.

    A palette image marks the foreground by any index above 0, as DAVIS does; any other image by
    values above half of the largest one in the folder, so that masks of 0 and 1, of 0 and 255 and
    those saved as JPEG are read in the same way. A frame whose mask is empty stays empty.

    Args:
        folder: Numbered png or jpg images, one for each frame of the clip's video.
        form: The normal form of the clip.
        fps: Frames per second of the clip's video.
        start: The clip's first frame, counted from 0 in its video.

    Raises:
        VideoError: There are too few masks, their sizes differ, or one cannot be read.
    """
    needed = math.ceil((form.frames - 1) * fps / form.fps - 1e-6) + 1
    paths = numbered_images(folder)[start : start + needed]
    values = [_values(path) for path in paths]
    if not values:
        raise VideoError(f"'{folder}' has no mask {start} (counted from 0).")
    if len({image.shape for image in values}) > 1:
        raise VideoError(f"'{folder}': the masks differ in size.")
    stack = np.stack(values)
    white = np.where(stack > stack.max() / 2, 255, 0).astype(np.uint8)
    video = Video(np.repeat(white[..., None], 3, axis=-1), fps)
    return normal_form(video, form).frames[..., 0] >= 128


def image_size(folder: Path) -> tuple[int, int]:
    """Width and height of the first numbered image of a folder, in pixels."""
    with Image.open(numbered_images(folder)[0], formats=("PNG", "JPEG")) as image:
        return image.size


def _values(path: Path) -> UInt8[np.ndarray, "height width"]:
    """One mask, larger where the foreground is."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            Limits().check_frame(path.name, *image.size)
            if image.mode == "P":
                return (np.asarray(image) > 0).astype(np.uint8)
            found = np.asarray(image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise_if_machine(error)
        if isinstance(error, VideoError):
            raise
        raise VideoError(f"'{path}' cannot be read as a mask: {error}") from error
    return found if found.ndim == 2 else found.max(axis=-1)
