"""The sprites: 32 Noto Color Emoji with their names, drawn once into `atlas.png`.

Run `python -m smmbench_datasets.emoji.atlas /path/to/NotoColorEmoji.ttf` to draw them again
(Debian: package `fonts-noto-color-emoji`, version 2.042). Font licence: SIL OFL 1.1, see NOTICE.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

TILE = 128  # pixels along each side of a sprite's tile
COLUMNS = 8
FONT_SIZE = 109  # the only size of the font's bitmaps
SHEET = Path(__file__).with_name("atlas.png")

# Whole bodies rather than faces, and distinct shapes that are recognisable at 50 pixels.
OBJECTS: dict[str, str] = {
    "dog": "\U0001f415",
    "cat": "\U0001f408",
    "rabbit": "\U0001f407",
    "horse": "\U0001f40e",
    "cow": "\U0001f404",
    "pig": "\U0001f416",
    "sheep": "\U0001f411",
    "elephant": "\U0001f418",
    "giraffe": "\U0001f992",
    "tiger": "\U0001f405",
    "penguin": "\U0001f427",
    "duck": "\U0001f986",
    "rooster": "\U0001f413",
    "turtle": "\U0001f422",
    "dolphin": "\U0001f42c",
    "whale": "\U0001f433",
    "fish": "\U0001f420",
    "octopus": "\U0001f419",
    "crab": "\U0001f980",
    "butterfly": "\U0001f98b",
    "bee": "\U0001f41d",
    "ladybug": "\U0001f41e",
    "car": "\U0001f697",
    "bus": "\U0001f68c",
    "train": "\U0001f682",
    "airplane": "\u2708\ufe0f",
    "helicopter": "\U0001f681",
    "rocket": "\U0001f680",
    "sailboat": "\u26f5",
    "ball": "\u26bd",
    "balloon": "\U0001f388",
    "saucer": "\U0001f6f8",
}


def load_atlas(device: str | torch.device = "cpu") -> Float[Tensor, "objects 4 128 128"]:
    """Sprites in the order of `OBJECTS`: RGB times alpha, then alpha, each 0 to 1."""
    sheet = np.asarray(Image.open(SHEET).convert("RGBA"), dtype=np.float32) / 255
    rows = sheet.shape[0] // TILE
    tiles = sheet.reshape(rows, TILE, COLUMNS, TILE, 4).transpose(0, 2, 4, 1, 3)
    sprites = torch.from_numpy(tiles.reshape(-1, 4, TILE, TILE)[: len(OBJECTS)].copy())
    sprites[:, :3] *= sprites[:, 3:]
    return sprites.to(device)


def draw_sheet(font: Path) -> Image.Image:
    """Draw every object centred on its tile, as large as the tile allows."""
    face = ImageFont.truetype(str(font), FONT_SIZE)
    rows = -(-len(OBJECTS) // COLUMNS)
    sheet = Image.new("RGBA", (COLUMNS * TILE, rows * TILE))
    for index, glyph in enumerate(OBJECTS.values()):
        canvas = Image.new("RGBA", (2 * TILE, 2 * TILE))
        ImageDraw.Draw(canvas).text((40, 40), glyph, font=face, embedded_color=True)
        sprite = canvas.crop(canvas.getbbox())
        scale = 0.94 * TILE / max(sprite.size)
        size = (round(sprite.width * scale), round(sprite.height * scale))
        sprite = sprite.resize(size, Image.Resampling.LANCZOS)
        row, column = divmod(index, COLUMNS)
        corner = (TILE - sprite.width) // 2, (TILE - sprite.height) // 2
        sheet.paste(sprite, (column * TILE + corner[0], row * TILE + corner[1]))
    return sheet


if __name__ == "__main__":
    draw_sheet(Path(sys.argv[1])).save(SHEET, optimize=True)
