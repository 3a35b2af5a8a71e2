"""Reading a folder of numbered images as a video."""

from __future__ import annotations

import math
import re
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from smmbench.errors import VideoError, raise_if_machine
from smmbench.video.limits import Limits
from smmbench.video.rgb import over_black
from smmbench.video.types import Video
from smmbench.video.wanted import Images, Wanted

DEFAULT_FPS = 8.0
_IMAGE = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)\.(?:png|jpe?g)", re.IGNORECASE)


def read_images(
    folder: Path, limits: Limits, fps: float | None, wanted: Wanted | None = None
) -> Video:
    """Read the numbered png and jpg images of a folder, in numerical order.

    Args:
        folder: It may contain other files; images whose name begins with a dot are ignored.
        limits: The largest video that is read.
        fps: Frames per second; None assumes 8 and notes it.
        wanted: The part to read; everything by default.

    Raises:
        VideoError: There are no images, their numbers have a gap or are ambiguous, their sizes
            differ, or an image is damaged.
    """
    wanted = wanted or Wanted()
    paths = numbered_images(folder)[wanted.start :]
    if not paths:
        raise VideoError(f"'{folder}' has no frame {wanted.start} (counted from 0).")
    count = len(paths)
    if wanted.seconds < math.inf:
        paths = paths[: math.ceil(wanted.seconds * (fps or DEFAULT_FPS) - 1e-6) + 1]
    images: list[Images] = []
    shape: tuple[int, ...] | None = None
    notes: list[str] = [] if fps else [f"frame rate not given: {DEFAULT_FPS:g} assumed"]
    if len(paths) < count:
        notes.append(f"only the first {wanted.start + len(paths)} frames are used")
    for path in paths:
        image, found = _read_image(path, limits)
        shape = shape or image.shape
        if image.shape != shape:
            raise VideoError(
                f"'{path}' is {image.shape[1]}x{image.shape[0]}, but the images before it are "
                f"{shape[1]}x{shape[0]}; all images of a clip must have the same size."
            )
        images.append(wanted.finish(image[None]))
        limits.check(folder.name, len(paths), *images[0].shape[2:0:-1])
        notes += [note for note in found if note not in notes]
    return Video(np.concatenate(images), fps or DEFAULT_FPS, tuple(notes))


def numbered_images(folder: Path) -> list[Path]:
    """The png and jpg images of a folder in numerical order: 2 before 10.

    Raises:
        VideoError: There are no images, a number between two others is missing, or one is repeated.
    """
    numbered: dict[int, Path] = {}
    prefixes: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            continue
        if not path.is_file():  # reading a pipe would block
            raise VideoError(f"'{path}' is not a regular file.")
        match = _IMAGE.fullmatch(path.name)
        if match is None:
            raise VideoError(f"'{path}' has no number at the end of its name, as in 0001.png.")
        number = int(match["number"])
        prefixes.setdefault(match["prefix"], path)
        if len(prefixes) > 1:
            first, second = list(prefixes.values())[:2]
            raise VideoError(
                f"'{folder}' contains more than one sequence: '{first.name}' and '{second.name}'."
            )
        if number in numbered:
            raise VideoError(
                f"'{folder}' has frame {number} twice: '{numbered[number].name}' and '{path.name}'."
            )
        numbered[number] = path
    if not numbered:
        raise VideoError(f"The folder '{folder}' contains no numbered png or jpg images.")
    numbers = sorted(numbered)
    for earlier, later in pairwise(numbers):
        if later != earlier + 1:
            raise VideoError(f"'{folder}' has a gap: frame {earlier + 1} is missing.")
    return [numbered[number] for number in numbers]


def _read_image(
    path: Path, limits: Limits
) -> tuple[UInt8[np.ndarray, "height width 3"], list[str]]:
    """RGB of one image, and what was converted."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `limits` reports more
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                limits.check_frame(path.name, *image.size)
                image.verify()  # Pillow reads a PNG even if its last bytes are missing
            with Image.open(path) as image:
                return _to_rgb(image)
    except VideoError:
        raise
    except Image.DecompressionBombError as error:
        raise VideoError(f"'{path}' exceeds every limit: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises any of these on damage
        raise_if_machine(error)
        raise VideoError(f"'{path}' cannot be read as an image: {error}") from error


def _to_rgb(image: Image.Image) -> tuple[UInt8[np.ndarray, "height width 3"], list[str]]:
    notes = [f"{image.mode} to RGB"] if image.mode in ("CMYK", "YCCK", "LAB") else []
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) != 1:  # the tag "Orientation"
        notes.append("turned as the image's orientation tag says")
    if upright.mode.startswith("I"):  # 16-bit grey, which Pillow would clip
        notes.append("16 bit to 8")
        grey = ((np.asarray(upright).astype(np.uint32) + 128) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1), notes
    if upright.has_transparency_data:
        rgba = np.asarray(upright.convert("RGBA"))
        if rgba[..., 3].min() < 255:
            notes.append("transparent parts laid over black")
        return over_black(rgba), notes
    return np.asarray(upright.convert("RGB")).copy(), notes
