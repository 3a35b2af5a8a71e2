"""Merge the videos of a choice frame by frame: the source above, A and B below.

Two `<video>` elements drift apart; videos in one file cannot. The letters are drawn into the
frames, so that the video explains itself wherever it is shown.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from smmbench.video import Video

GROUND, INK = (24, 27, 32), (232, 234, 237)
CARD, CARD_INK = (238, 238, 232), (27, 30, 36)
GAP = 0.03  # share of a video's width
LETTER = 0.09  # height of a letter's line, of a video's width

RIGHT, WRONG = "Choose this side.", "Do not choose this side."


def merged(source: Video, a: Video, b: Video) -> Video:
    """Combine a source and two videos into one, frame by frame.

    Args:
        source: Shown above, in the middle.
        a: Shown below, on the left.
        b: Shown below, on the right.

    Raises:
        ValueError: The videos differ in length or size.
    """
    if not source.frames.shape == a.frames.shape == b.frames.shape:
        raise ValueError(
            f"Videos of {source.frames.shape[:3]}, {a.frames.shape[:3]} and {b.frames.shape[:3]} "
            "(frames, height, width) cannot be merged: all must be in the clip's normal form."
        )
    frames, height, width, _ = source.frames.shape
    gap, line = max(2, round(GAP * width)), max(12, round(LETTER * width))
    sheet = np.full(
        (frames, 2 * (line + height) + 3 * gap, 2 * width + 3 * gap, 3), GROUND, dtype=np.uint8
    )
    middle, right = (sheet.shape[2] - width) // 2, 2 * gap + width
    below = 2 * gap + line + height
    for video, name, top, left in (
        (source, "Source", gap, middle),
        (a, "A", below, gap),
        (b, "B", below, right),
    ):
        sheet[:, top : top + line, left : left + width] = _words(name, width, line, GROUND, INK)
        sheet[:, top + line : top + line + height, left : left + width] = video.frames
    return Video(sheet, source.fps)


def card(like: Video, words: str) -> Video:
    """Return a still video of the same form that shows a text."""
    height, width = like.frames.shape[1:3]
    picture = _words(words, width, height, CARD, CARD_INK)
    return Video(np.broadcast_to(picture, like.frames.shape).copy(), like.fps)


def still(video: Video) -> Video:
    """Return the first frame of a video, repeated for its length."""
    return Video(np.broadcast_to(video.frames[:1], video.frames.shape).copy(), video.fps)


def _words(
    text: str, width: int, height: int, ground: tuple[int, int, int], ink: tuple[int, int, int]
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw a line of text in the centre of an image, as large as fits."""
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    size = max(6.0, 0.75 * height)
    while size > 6 and draw.textlength(text, font=ImageFont.load_default(size)) > 0.92 * width:
        size *= 0.9
    place = (width / 2, height / 2)
    draw.text(place, text, fill=ink, font=ImageFont.load_default(size), anchor="mm")
    return np.asarray(image)
