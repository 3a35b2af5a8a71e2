"""Decode the displayed frames of a video file with PyAV, or raise an error with the reason."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from smmbench.errors import VideoError
from smmbench.video.geometry import orient, square_size, stretch
from smmbench.video.limits import Limits
from smmbench.video.rgb import to_rgb
from smmbench.video.shown import Owed
from smmbench.video.timing import frame_times, uneven
from smmbench.video.types import Video
from smmbench.video.wanted import Images, Wanted
from smmbench.video.whole import NO_LENGTH, check_whole, container_format


class _OpenStartError(Exception):
    """H.264 whose first group of pictures refers to pictures that were cut away."""


def decode_file(path: Path, limits: Limits, wanted: Wanted | None = None) -> Video:
    """Read a video file: mp4, mov, mkv, webm, gif, avi or mpg.

    Conversions are listed in `Video.notes`; see `read_video`.

    Raises:
        VideoError: A requested frame cannot be decoded correctly; the message says why.
    """
    container = container_format(path)
    check_whole(path, container)
    decoding = _Decoding(path, container, limits, wanted or Wanted())
    try:
        try:
            return decoding.run(strict=True)
        except _OpenStartError:
            # Its decoder reports references to cut-away pictures as errors even if none needs them.
            # In lenient mode it flags each picture that it could not restore; those are refused.
            return decoding.run(strict=False)
    except av.error.EOFError as error:
        raise VideoError(f"'{path}' ends before its first frame: it has zero frames.") from error
    except av.error.FFmpegError as error:
        _read_through(path)
        raise VideoError(
            f"'{path}' cannot be decoded: {error.strerror}. It is damaged or cut, "
            "or exceeds a size limit; copy or fetch it again."
        ) from error


def _read_through(path: Path) -> None:
    """Read a file to its end: FFmpeg reports damage and a broken disk with the same error.

    Raises:
        OSError: The disk cannot be read; the file itself is not the cause.
    """
    with path.open("rb") as file:
        while file.read(2**20):
            pass


def frame_rate(path: Path) -> float:
    """Return the frame rate that a video file states, without decoding a frame.

    Raises:
        VideoError: The file is not a supported video, or states no frame rate.
    """
    kind = container_format(path)
    try:
        with av.open(str(path), format=kind, **_ANY_ENCODING) as opened:
            stream = _video_stream(opened, path)
            rate = stream.guessed_rate or stream.average_rate
    except av.error.FFmpegError as error:
        raise VideoError(f"'{path}' cannot be opened as a video: {error.strerror}.") from error
    if not rate:
        raise VideoError(f"'{path}' states no frame rate.")
    return float(rate)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream that is a video and not a cover picture."""
    for stream in container.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise VideoError(f"'{path}' uses a video codec that FFmpeg does not support.")
        return stream
    found = ", ".join(stream.type for stream in container.streams) or "nothing"
    raise VideoError(f"'{path}' has no video stream; it contains: {found}.")


@dataclass
class _Seen:
    """What is kept of the decoded frames besides their pixels."""

    owed: Owed
    first: VideoFrame | None = None
    times: list[int | None] = field(default_factory=list)  # when each is shown, in ticks
    whole: bool = True  # decoded to the end of the file


# Names and comments inside may have any encoding; they are not used. From PyAV 19 on they
# are replaced by default.
_ANY_ENCODING: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)


@dataclass(frozen=True)
class _Decoding:
    """One file, the part of it to read, and the limits."""

    path: Path
    container: str
    limits: Limits
    wanted: Wanted

    def run(self, strict: bool) -> Video:
        with av.open(str(self.path), format=self.container, **_ANY_ENCODING) as opened:
            return self._decode(opened, _video_stream(opened, self.path), strict)

    def _decode(self, container: InputContainer, stream: VideoStream, strict: bool) -> Video:
        path, limits = self.path, self.limits
        limits.check_frame(path.name, stream.width, stream.height)
        if self.wanted.seconds == math.inf:
            limits.check(path.name, stream.frames, stream.width, stream.height)
        seen, notes = _Seen(Owed(stream.codec_context.name)), list[str]()
        images = to_rgb(self._shown(container, stream, strict, seen), stream, notes)
        frames = self._finished(images, stream, seen, notes)
        if seen.first is None:
            raise VideoError(f"'{path}' has a video stream with zero frames.")
        if frames is None:
            raise VideoError(
                f"'{path}' has {len(seen.times)} frames, but frame {self.wanted.start} (counted "
                "from 0) is the first one requested."
            )
        lost = seen.owed.lost(seen.times, seen.whole)
        if lost > 0 and not seen.first.interlaced_frame:  # interlaced frames have two packets
            raise VideoError(
                f"'{path}' is damaged: only {len(frames)} of its {len(frames) + lost} frames "
                "can be decoded. Copy or fetch it again, or re-encode it without them."
            )
        rates = (stream.guessed_rate, stream.average_rate, stream.base_rate)
        times = seen.times[self.wanted.start :]
        rate, instants = frame_times(times, Fraction(stream.time_base or 1), rates)
        if rate is None:
            raise VideoError(f"'{path}' states no frame rate.")
        if stream.metadata.get("alpha_mode") == "1":
            notes.append("transparency (a second picture of WebM) left out, as players do")
        if instants:
            notes.append(uneven(instants))
        if not seen.whole:
            notes.append(f"only the first {len(seen.times)} frames are used")
        if note := NO_LENGTH.get(self.container):
            notes.append(note)
        return Video(frames, float(rate), tuple(notes), instants)

    def _finished(
        self,
        images: Iterator[UInt8[np.ndarray, "height width 3"]],
        stream: VideoStream,
        seen: _Seen,
        notes: list[str],
    ) -> Images | None:
        """Make each frame upright, with square pixels, and in the form that the caller asks for."""
        finished: list[Images] = []
        aspect = stream.sample_aspect_ratio
        size: tuple[int, int] | None = None
        turned = ""
        for image in islice(images, self.wanted.start, None):
            frames = image[None]
            if aspect and aspect != 1:
                height, width = image.shape[:2]
                size = square_size(width, height, aspect)
                self.limits.check_frame(self.path.name, *size)
                frames = stretch(frames, *size)
            assert seen.first is not None
            if matrix := _display_matrix(seen.first):
                frames, turned = orient(frames, matrix, str(self.path))
            frames = self.wanted.finish(frames)
            finished.append(frames)
            self.limits.check(self.path.name, len(finished), *frames.shape[2:0:-1])
        if size:
            assert aspect
            notes.append(f"pixels of {aspect.numerator}:{aspect.denominator} made square")
        notes += [turned] if turned else []
        return _joined(finished)

    def _shown(
        self, container: InputContainer, stream: VideoStream, strict: bool, seen: _Seen
    ) -> Iterator[VideoFrame]:
        """Yield every requested frame, checked; store in `seen` what is kept of it."""
        path = self.path
        stream.thread_type = ThreadType.SLICE  # with threads per frame some errors are lost
        # The decoder itself then refuses much larger frames (it counts its own padding, hence
        # the margin; `limits.check` is exact), and reports damage instead of concealing it.
        stream.codec_context.options = {
            "max_pixels": str(2 * self.limits.frame_pixels + 2**16),
            **({"err_detect": "explode"} if strict else {}),
        }
        end = self.wanted.seconds / float(stream.time_base or 1)
        keys = 0
        for packet in container.demux(stream):
            _refuse_damage(packet.is_corrupt, path, seen)
            keys += packet.is_keyframe
            _refuse_damage(_is_out_of_time(packet, stream), path, seen)
            if packet.size > 0:
                seen.owed.add(bytes(memoryview(packet)[:2]), packet.pts, packet.is_discard)
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                if strict and keys < 2 and stream.codec_context.name == "h264":
                    raise _OpenStartError from None
                raise
            for frame in frames:
                if seen.times and _shown_for(seen, stream, self.wanted.start) >= end:
                    seen.whole = False
                    return
                _refuse_damage(frame.is_corrupt, path, seen)
                seen.first = first = seen.first or frame
                if (frame.width, frame.height) != (first.width, first.height):
                    raise VideoError(
                        f"'{path}' changes its size from {first.width}x{first.height} to "
                        f"{frame.width}x{frame.height} at frame {len(seen.times)}; "
                        "all frames of a clip must have the same size."
                    )
                seen.times.append(frame.pts)
                self.limits.check_frame(path.name, frame.width, frame.height)
                yield frame


def _is_out_of_time(packet: Packet, stream: VideoStream) -> bool:  # type: ignore[type-arg]
    """Whether an edit list skips a packet that is further away than the stream is long."""
    if not packet.is_discard or packet.pts is None or not stream.duration:
        return False
    return abs(packet.pts - (stream.start_time or 0)) > 2 * stream.duration


def _shown_for(seen: _Seen, stream: VideoStream, start: int) -> float:
    """Ticks from frame `start` to the latest one; by the stated rate if there are no times."""
    if len(seen.times) <= start:
        return 0.0
    first, last = seen.times[start], seen.times[-1]
    if first is not None and last is not None:
        return float(last - first)
    rate = stream.guessed_rate or stream.average_rate
    return (len(seen.times) - 1 - start) / float(rate * (stream.time_base or 1)) if rate else 0.0


def _joined(finished: list[Images]) -> Images | None:
    """One array of all frames; each is freed as soon as it is copied."""
    if not finished:
        return None
    frames = np.empty((len(finished), *finished[0].shape[1:]), np.uint8)
    for t in range(len(finished)):
        frames[t] = finished[t][0]
        finished[t] = frames[t : t + 1]
    return frames


def _refuse_damage(damaged: bool, path: Path, seen: _Seen) -> None:
    if damaged:
        raise VideoError(
            f"'{path}' is damaged or cut at frame {len(seen.times)}; copy or fetch it again."
        )


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers of the frame's display matrix, if it has one."""
    found = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    return None if found is None else struct.unpack("=9i", bytes(found))
