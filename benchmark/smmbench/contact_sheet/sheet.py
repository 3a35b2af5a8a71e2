"""A contact sheet: frames of many videos in one image, for visual inspection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from smmbench.storage.atomic import atomic_path
from smmbench.video import Video
from smmbench.video.geometry import stretch

GAP = 4  # pixels between frames, and around text
LABEL = 240  # width of the column of labels, in pixels
_SIZE = 14  # of the text, in pixels
_LINE = 18  # from one line of text to the next, in pixels

WHITE, INK, FAINT, BAND = (255, 255, 255), (20, 20, 20), (110, 110, 110), (222, 228, 238)
GREY, FAULT, DARK = (205, 205, 205), (150, 20, 20), (52, 66, 90)


@dataclass(frozen=True)
class Heading:
    """A band across the sheet that names the prompt or, in the darker `main` form, the clip."""

    text: str
    main: bool = False


@dataclass(frozen=True, eq=False)
class Row:
    """One video of the sheet, or the placeholder of a missing one.

    Attributes:
        title: First lines of the label, for example the method's name.
        text: Further lines of the label, fainter.
        frames: RGB, the frames to show from left to right; None if there is no video.
        reason: Why there is none, shown in its place.
    """

    title: str
    text: str = ""
    frames: UInt8[np.ndarray, "shown height width 3"] | None = None
    reason: str = ""


def evenly_spaced(video: Video, count: int) -> UInt8[np.ndarray, "shown height width 3"]:
    """Take `count` frames, the first and the last among them; all of them if there are fewer."""
    last = len(video.frames) - 1
    indices = (
        np.unique(np.linspace(0, last, count).round().astype(int)) if count > 1 else [last // 2]
    )
    return video.frames[indices]


def contact_sheet(rows: Sequence[Heading | Row], columns: int, tile: int = 128) -> Image.Image:
    """Draw rows of frames with labels on their left.

    Args:
        rows: From top to bottom. A row without a video is grey and says why.
        columns: Frames in the widest row.
        tile: Width of a frame, in pixels; its height follows from its aspect.

    Raises:
        ValueError: No rows, or a number below 1.
    """
    if not rows or min(columns, tile) < 1:
        raise ValueError(
            f"A sheet needs rows, columns and a tile width of at least 1, got {len(rows)} rows, "
            f"{columns} columns, {tile} pixels."
        )
    strips = [_strip(row, columns * (tile + GAP), tile) for row in rows]
    sheet = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)), WHITE)
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def write_png(path: Path, image: Image.Image) -> None:
    """Write an image as PNG, atomically.

    Raises:
        ValueError: The name does not end in .png.
    """
    if path.suffix.lower() != ".png":
        raise ValueError(f"A sheet is a PNG image; its name must end in .png, got '{path}'.")
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


def _strip(row: Heading | Row, width: int, tile: int) -> Image.Image:
    """One row as an image; `width` is that of all its frames."""
    if isinstance(row, Heading):
        lines = wrap(row.text, LABEL + width - 2 * GAP)
        paper, ink = (DARK, WHITE) if row.main else (BAND, INK)
        strip = Image.new("RGB", (LABEL + width, len(lines) * _LINE + 2 * GAP), paper)
        _write(strip, lines, GAP, GAP, ink)
        return strip
    title, text = wrap(row.title, LABEL - 2 * GAP), wrap(row.text, LABEL - 2 * GAP)
    reason = wrap(row.reason or "no video", width - 4 * GAP)
    tall = max((len(title) + len(text)) * _LINE, 0 if row.frames is not None else 3 * _LINE)
    tiles = [] if row.frames is None else _tiles(row.frames, tile)
    tall = max(tall, *(image.height for image in tiles), len(reason) * _LINE if not tiles else 0)
    strip = Image.new("RGB", (LABEL + width, tall + 2 * GAP), WHITE)
    _write(strip, title, GAP, GAP, INK)
    _write(strip, text, GAP, GAP + len(title) * _LINE, FAINT)
    for column, image in enumerate(tiles):
        strip.paste(image, (LABEL + column * (tile + GAP), GAP))
    if not tiles:
        place = (LABEL, GAP, LABEL + width - GAP, GAP + tall)
        strip.paste(GREY, place)
        _write(strip, reason, LABEL + 2 * GAP, GAP, FAULT)
    return strip


def _tiles(frames: UInt8[np.ndarray, "shown height width 3"], tile: int) -> list[Image.Image]:
    height, width = frames.shape[1:3]
    sized = frames if width == tile else stretch(frames, tile, max(1, round(height * tile / width)))
    return [Image.fromarray(np.ascontiguousarray(frame)) for frame in sized]


def wrap(text: str, width: int) -> list[str]:
    """Break text at spaces, and long words anywhere, into lines of at most `width` pixels."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}" if line else word
            if _font().getlength(joined) <= width:
                line = joined
                continue
            lines += [line] if line else []
            line = ""
            for letter in word:  # a word alone may still be too long
                if line and _font().getlength(line + letter) > width:
                    lines.append(line)
                    line = ""
                line += letter
        lines += [line] if line else []
    return lines


def _write(
    image: Image.Image, lines: Sequence[str], left: int, top: int, ink: tuple[int, int, int]
) -> None:
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((left, top + number * _LINE), line, fill=ink, font=_font())


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, so that no system font is needed."""
    return ImageFont.load_default(_SIZE)
