"""Re-encode a video losslessly into a different file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from smmbench.storage.atomic import atomic_path
from smmbench.video import Video


def write_h264_rgb(path: Path, video: Video) -> None:
    """Write lossless H.264 (RGB, quantizer 0) in Matroska, atomically."""
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="matroska") as file:
        rate = Fraction(video.fps).limit_denominator(1000)
        stream = file.add_stream("libx264rgb", rate=rate, options={"qp": "0"})
        stream.height, stream.width = video.frames.shape[1:3]
        stream.pix_fmt = "rgb24"
        for t, image in enumerate(video.frames):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = t
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
