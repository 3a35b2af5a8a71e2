"""Decoding a video file by PyAV: all of its frames, or an error that says why not."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from smmbench.errors import VideoError
from smmbench.video.geometry import orient, square_size, stretch
from smmbench.video.limits import Limits
from smmbench.video.rgb import to_rgb
from smmbench.video.timing import frame_rate
from smmbench.video.types import Video
from smmbench.video.whole import check_whole, container_format


def decode_file(path: Path, limits: Limits) -> Video:
    """Read a video file: mp4, mov, mkv, webm or gif.

    What is converted on the way is in `Video.notes`; see `read_video`.

    Raises:
        VideoError: The file cannot be read whole; the message says why.
    """
    container = container_format(path)
    check_whole(path, container)
    try:
        # Names and comments inside may be of any encoding; nothing is made of them.
        with av.open(str(path), format=container, metadata_errors="replace") as opened:
            return _decode(opened, _video_stream(opened, path), path, limits)
    except av.error.EOFError as error:
        raise VideoError(f"'{path}' ends before its first frame: it has zero frames.") from error
    except av.error.FFmpegError as error:
        raise VideoError(
            f"'{path}' does not decode: {error.strerror}. It is damaged or cut, "
            "or over a limit on its size; copy or fetch it again."
        ) from error


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream that is a video and not a cover picture."""
    for stream in container.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise VideoError(f"'{path}' has a video of a codec that FFmpeg does not know.")
        return stream
    found = ", ".join(stream.type for stream in container.streams) or "nothing"
    raise VideoError(f"'{path}' has no video stream; it holds: {found}.")


@dataclass
class _Seen:
    """What is kept of the decoded frames besides their pixels."""

    first: VideoFrame | None = None
    times: list[int | None] = field(default_factory=list)  # when each is shown, in ticks
    packets: int = 0  # that should each have given a frame


def _decode(container: InputContainer, stream: VideoStream, path: Path, limits: Limits) -> Video:
    limits.check(path.name, stream.frames, stream.width, stream.height)
    seen, notes = _Seen(), list[str]()
    images = list(to_rgb(_decoded(container, stream, path, limits, seen), stream, notes))
    if seen.first is None or not images:
        raise VideoError(f"'{path}' has a video stream with zero frames.")
    if seen.packets > len(images) and not seen.first.interlaced_frame:  # there, one has two
        raise VideoError(
            f"'{path}' is damaged: only {len(images)} of its {seen.packets} frames decode. "
            "Copy or fetch it again, or encode it anew without them."
        )
    frames = np.stack(images)
    del images  # half of the memory
    aspect = stream.sample_aspect_ratio
    if aspect and aspect != 1:
        width, height = square_size(seen.first.width, seen.first.height, aspect)
        limits.check(path.name, len(frames), width, height)
        frames = stretch(frames, width, height)
        notes.append(f"pixels of {aspect.numerator}:{aspect.denominator} made square")
    if matrix := _display_matrix(seen.first):
        frames, turned = orient(frames, matrix, str(path))
        notes.append(turned)
    rates = (stream.guessed_rate, stream.average_rate, stream.base_rate)
    rate, uneven = frame_rate(seen.times, Fraction(stream.time_base or 1), rates)
    if rate is None:
        raise VideoError(f"'{path}' does not say its frame rate.")
    notes.append(uneven)
    return Video(frames, float(rate), tuple(filter(None, notes)))


def _decoded(
    container: InputContainer, stream: VideoStream, path: Path, limits: Limits, seen: _Seen
) -> Iterator[VideoFrame]:
    """Give every frame, checked; keep in `seen` what stays of it."""
    stream.thread_type = ThreadType.SLICE  # threads by frame lose some of the errors
    # The decoder itself then refuses much larger frames (it counts its own padding, hence the
    # room; `limits.check` is exact), and damage instead of painting over it.
    stream.codec_context.options = {
        "max_pixels": str(2 * limits.frame_pixels + 2**16),
        "err_detect": "explode",
    }
    for packet in container.demux(stream):
        _refuse_damage(packet.is_corrupt, path, seen)
        seen.packets += packet.size > 0 and not packet.is_discard
        for frame in packet.decode():
            _refuse_damage(frame.is_corrupt, path, seen)
            seen.first = first = seen.first or frame
            if (frame.width, frame.height) != (first.width, first.height):
                raise VideoError(
                    f"'{path}' changes its size from {first.width}x{first.height} to "
                    f"{frame.width}x{frame.height} at frame {len(seen.times)}; "
                    "a clip has one size."
                )
            seen.times.append(frame.pts)
            limits.check(path.name, len(seen.times), frame.width, frame.height)
            yield frame


def _refuse_damage(damaged: bool, path: Path, seen: _Seen) -> None:
    if damaged:
        raise VideoError(
            f"'{path}' is damaged or cut at frame {len(seen.times)}; copy or fetch it again."
        )


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers that say how to turn the frame, if it has them."""
    found = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    return None if found is None else struct.unpack("=9i", bytes(found))
