"""Write videos: lossless ones for scoring, and previews for browsers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from jaxtyping import UInt8

from smmbench.storage.atomic import atomic_path
from smmbench.video.types import Video

MILLISECOND = Fraction(1, 1000)


def write_lossless(path: Path | str, video: Video) -> None:
    """Write FFV1 in Matroska, which decodes to exactly the same RGB, as one atomic write.

    The same video gives the same bytes: there are no dates or random identifiers, and the number
    of processors has no influence. Damage inside the file changes the pixel hash in its record.
    """
    slices = "4" if min(video.frames.shape[1:3]) > 1 else "1"  # a slice needs at least one pixel
    with atomic_path(Path(path)) as temporary:
        options = {"fflags": "+bitexact"}
        with av.open(str(temporary), "w", format="matroska", options=options) as container:
            stream = container.add_stream(
                "ffv1",
                rate=_rate(video.fps),
                options={"level": "3", "g": "1", "slices": slices, "slicecrc": "1"},
            )
            stream.height, stream.width = video.frames.shape[1:3]
            stream.pix_fmt = "bgr0"
            stream.thread_count = 1
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            if video.instants:
                stream.codec_context.time_base = MILLISECOND
            for t, image in enumerate(video.frames):
                frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                frame.pts = round(video.instants[t] / MILLISECOND) if video.instants else t
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def write_preview(path: Path | str, video: Video) -> None:
    """Write H.264 in MP4 (4:2:0, BT.709, index first), which every browser plays.

    Previews are for viewing and are never scored. Odd sides are extended by one pixel, a copy of
    the edge: 4:2:0 has one colour value per two by two pixels.
    """
    height, width = video.frames.shape[1:3]
    padding = ((0, height % 2), (0, width % 2), (0, 0))
    with atomic_path(Path(path)) as temporary:
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(temporary), "w", format="mp4", options=options) as container:
            stream = container.add_stream(
                "libx264", rate=_rate(video.fps), options={"crf": "18", "preset": "medium"}
            )
            stream.height, stream.width = height + height % 2, width + width % 2
            stream.pix_fmt = "yuv420p"
            stream.thread_count = 1
            context = stream.codec_context
            context.color_range = ColorRange.MPEG
            context.colorspace = Colorspace.ITU709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = ColorTrc.BT709
            for t, image in enumerate(video.frames):
                frame = _to_bt709(np.pad(image, padding, mode="edge"))
                frame.pts = t
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def _to_bt709(image: UInt8[np.ndarray, "height width 3"]) -> VideoFrame:
    frame = VideoFrame.from_ndarray(image, format="rgb24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation="BICUBIC",
    )


def _rate(fps: float) -> Fraction:
    """The simple fraction nearest to a decimal rate: 23.976... is 24000/1001."""
    return Fraction(fps).limit_denominator(10_000)
