"""Previews: all frames of a video in one image, so that a page can show any frame at any time.

Two `<video>` elements drift apart, and a browser does not report which frame it shows. Here every
pane has all frames in one image, and one clock draws all panes in one step. A preview is named
after its content, created once, and never scored.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from smmbench.storage.atomic import atomic_path
from smmbench.video import NormalForm, Video, normal_form

VERSION = 1  # raised whenever the preview of a video would change
WIDEST = 480  # pixels of a frame
LARGEST = 4096  # pixels along a side of the sheet, which every browser can draw
QUALITY = 82


@dataclass(frozen=True)
class Sheet:
    """Layout of the frames in a preview, from left to right and then down.

    Attributes:
        frames: Number of frames.
        columns: Number of frames in a row.
        width: Width of a frame, in pixels.
        height: Height of a frame, in pixels.
        fps: Frames per second.
        scale: Pixels of the preview per pixel of the clip's normal form.
    """

    frames: int
    columns: int
    width: int
    height: int
    fps: float
    scale: float


def sheet_of(form: NormalForm) -> Sheet:
    """Return the layout for a normal form, as large as the limits allow, never enlarged."""
    scale = min(1.0, WIDEST / form.width)
    while True:
        width, height = max(1, round(form.width * scale)), max(1, round(form.height * scale))
        columns = min(form.frames, max(1, LARGEST // width))
        across = math.ceil(math.sqrt(form.frames * height / width))  # about as wide as high
        columns = min(columns, max(1, across))
        rows = math.ceil(form.frames / columns)
        if rows * height <= LARGEST or width == 1:
            return Sheet(form.frames, columns, width, height, form.fps, scale)
        scale *= 0.95


def preview_name(pixels_sha256: str, form: NormalForm) -> str:
    """Return the file of a preview, a hash of the video, its normal form and the version."""
    shown = (pixels_sha256, form, sheet_of(form), VERSION, WIDEST, QUALITY)
    return f"media/{hashlib.sha256(repr(shown).encode()).hexdigest()[:32]}.webp"


def keep_preview(
    folder: Path, pixels_sha256: str, form: NormalForm, read: Callable[[], Video]
) -> str:
    """Create the preview of a video if it does not exist.

    Args:
        folder: Folder of the site.
        pixels_sha256: Hash of the video as it is stored.
        form: The normal form of its clip, in which it is scored and shown.
        read: Reads the video; called only if there is no preview yet.

    Returns:
        Path of the preview in the site; empty if the video cannot be read.
    """
    name = preview_name(pixels_sha256, form)
    path = folder / name
    if path.is_file():
        return name
    try:
        video = normal_form(read(), form)
    except (ValueError, OSError):
        return ""  # the board reports what is wrong with it
    path.parent.mkdir(parents=True, exist_ok=True)
    data = _encoded(video, sheet_of(form))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return name


def _encoded(video: Video, sheet: Sheet) -> bytes:
    rows = math.ceil(sheet.frames / sheet.columns)
    image = Image.new("RGB", (sheet.columns * sheet.width, rows * sheet.height))
    for place, frame in enumerate(video.frames):
        small = Image.fromarray(np.ascontiguousarray(frame))
        if small.size != (sheet.width, sheet.height):
            small = small.resize((sheet.width, sheet.height), Image.Resampling.LANCZOS)
        down, across = divmod(place, sheet.columns)
        image.paste(small, (across * sheet.width, down * sheet.height))
    data = io.BytesIO()
    image.save(data, "WEBP", quality=QUALITY, method=4)
    return data.getvalue()
