"""Convert decoded frames to RGB exactly as ffmpeg's command line does.

PyAV's direct conversion ignores the position of chroma samples, so 10-bit and odd-sized videos
are off by up to 26 of 255; FFmpeg's `scale` filter, used here, agrees exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc
from av.video.stream import VideoStream
from jaxtyping import UInt8

WIDE = (ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432)


def to_rgb(
    frames: Iterator[VideoFrame], stream: VideoStream, notes: list[str]
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Convert with one filter graph, built for the first frame; add changes to `notes`."""
    graph: Graph | None = None
    translucent = False
    for frame in frames:
        if graph is None:
            alpha = frame.format.has_palette or any(c.is_alpha for c in frame.format.components)
            graph = _graph(stream, frame, "rgba" if alpha else "rgb24")
            notes.extend(_conversions(frame))
        graph.push(frame)
        for image in _pull(graph):
            translucent |= image.shape[-1] == 4 and image[..., 3].min() < 255
            yield over_black(image)
    if graph is not None:
        graph.push(None)  # deinterlacing holds the last frame back
        for image in _pull(graph):
            translucent |= image.shape[-1] == 4 and image[..., 3].min() < 255
            yield over_black(image)
    if translucent:
        notes.append("transparent parts laid over black")


def _graph(stream: VideoStream, frame: VideoFrame, pixel_format: str) -> Graph:
    graph = Graph()
    chain = [graph.add_buffer(template=stream)]
    if frame.interlaced_frame:
        chain.append(graph.add("bwdif", "mode=send_frame:deint=interlaced"))
    chain += [
        graph.add("scale", "flags=bicubic+bitexact"),
        graph.add("format", f"pix_fmts={pixel_format}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain).configure()
    return graph


def _pull(graph: Graph) -> Iterator[UInt8[np.ndarray, "height width channels"]]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):  # needs more frames, or has no more
            return
        yield frame.to_ndarray()


def _conversions(frame: VideoFrame) -> Iterator[str]:
    bits = max(component.bits for component in frame.format.components)
    if bits > 8 and not frame.format.has_palette:
        yield f"{bits} bit to 8"
    if frame.color_trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67):
        yield "high dynamic range read as it is, without tone mapping"
    elif frame.color_primaries in WIDE:
        yield "wide gamut (BT.2020 or P3) read as it is, without gamut mapping"
    if frame.interlaced_frame:
        yield "deinterlaced by bwdif"


def over_black(
    image: UInt8[np.ndarray, "height width channels"],
) -> UInt8[np.ndarray, "height width 3"]:
    """Composite an image with straight alpha (RGBA) over black; RGB is returned unchanged."""
    if image.shape[-1] == 3:
        return image
    alpha = image[..., 3:].astype(np.uint16)
    return ((image[..., :3] * alpha + 127) // 255).astype(np.uint8)
