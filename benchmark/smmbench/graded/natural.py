"""The form in which natural videos of any size and length are compared.

A source keeps its aspect ratio: its longer side has at most 512 pixels, both sides are multiples of
8, and smaller videos are not enlarged. `FRAMES` frames are taken evenly over the whole length of
each video, as in the code of SimMotion's authors, so that whole videos are compared whatever their
rates.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smmbench.dataset import Protocol
from smmbench.errors import VideoError
from smmbench.video import NormalForm, Video, normal_form, read_video

FRAMES, FPS, LONGER = 24, 8.0, 512
MULTIPLE = 8
TEXT_MODEL = "ViT-B-32:openai"


def protocol_for(path: Path) -> Protocol:
    """The protocol under which a source and its videos are compared; reads the source's size."""
    height, width = read_video(path).frames.shape[1:3]
    scale = min(1.0, LONGER / max(width, height))
    sides = [max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in (width, height)]
    return Protocol(
        frames=FRAMES,
        width=sides[0],
        height=sides[1],
        fps=FPS,
        text_model=TEXT_MODEL,
        tracker="dis",
    )


def load_whole(path: Path, protocol: Protocol) -> Video:
    """Read a video and convert its whole length to the form of a protocol.

    Raises:
        VideoError: It cannot be read, or has fewer than two frames.
    """
    video = read_video(path)
    count = len(video.frames)
    if count < 2:
        raise VideoError(f"'{path}' has one frame; at least two are needed for motion.")
    even = np.linspace(0, count - 1, protocol.frames).round().astype(np.int64)
    form = NormalForm(protocol.frames, protocol.width, protocol.height, protocol.fps)
    return normal_form(Video(video.frames[even], protocol.fps, video.notes), form)
