"""Videos that an enemy wrote: other formats, huge frames, tiny elements, other contents."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from tests.hostile.cases import case
from tests.hostile.world import AGAIN, OTHER, PAIR, Tree, World, pixels

VIDEO, RECORD = f"{PAIR}/video.mkv", f"{PAIR}/record.json"
HONEST = pixels(10)


def encode(
    frames: np.ndarray,
    codec: str = "ffv1",
    container: str = "matroska",
    pixel_format: str = "bgr0",
    rate: Fraction = Fraction(8),
    options: dict[str, str] | None = None,
    prepare: Callable[[Any, Any], None] | None = None,
) -> bytes:
    """Encode frames (RGB) by PyAV; give the file's bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as opened:
        stream: Any = opened.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixel_format
        if prepare:
            prepare(opened, stream)
        for t, image in enumerate(frames):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = t
            opened.mux(stream.encode(frame.reformat(format=pixel_format)))
        opened.mux(stream.encode())
    return file.getvalue()


def with_video(
    world: World, place: Path, video: bytes, decoded: np.ndarray | None = None
) -> tuple[str, ...]:
    """Verify a submission with another video; its record is true of the pixels that are given."""
    from smmbench.video import Video

    def change(tree: Tree) -> None:
        tree[VIDEO] = video
        tree.pop(f"{PAIR}/scores.json")
        if decoded is not None:
            record = json.loads(tree[RECORD])
            record["pixels_sha256"] = Video(decoded, 8.0).pixels_sha256
            tree[RECORD] = json.dumps(record).encode()

    return world.verify(world.forge(place, change))


def true_to_its_pixels(world: World, place: Path, video: bytes) -> tuple[str, ...]:
    """Verify a submission with another video whose record is true of what decodes."""
    from smmbench.video import read_video

    (place / "video.mkv").write_bytes(video)
    return with_video(world, place, video, read_video(place / "video.mkv").frames)


def _encoded(kind: str, make: Callable[[], bytes]) -> None:
    said = kind in {"larger frames", "another rate", "more frames"}  # taken, and said

    @case(kind, "video", *(["clip's form"] if said else []), code=0 if said else 1)
    def build(world: World, place: Path) -> Sequence[str]:
        return true_to_its_pixels(world, place, make())


for _kind, _make in {
    "H.264 in Matroska": lambda: encode(HONEST, "libx264", pixel_format="yuv420p"),
    "motion JPEG in Matroska": lambda: encode(HONEST, "mjpeg", pixel_format="yuvj420p"),
    "H.264 in MP4": lambda: encode(HONEST, "libx264", "mp4", "yuv420p"),
    "GIF": lambda: encode(HONEST, "gif", "gif", "rgb8"),
    "FFV1 of another colour space": lambda: encode(HONEST, pixel_format="yuv420p"),
    "FFV1 of 16 bits": lambda: encode(HONEST, pixel_format="gbrp16le"),
    "larger frames": lambda: encode(pixels(10, height=96, width=128)),
    "another rate": lambda: encode(pixels(10, frames=20), rate=Fraction(32)),
    "more frames": lambda: encode(pixels(10, frames=9)),
    "fewer frames": lambda: encode(pixels(10, frames=3)),
}.items():
    _encoded(_kind, _make)


def _raw(kind: str, make: Callable[[World], bytes]) -> None:
    @case(kind, "video")
    def build(world: World, place: Path) -> Sequence[str]:
        return with_video(world, place, make(world))


def blank(frames: int, height: int, width: int) -> bytes:
    """A small file of large black frames: one packet again and again."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as opened:
        stream = opened.add_stream("ffv1", rate=8, options={"g": "1"})
        stream.height, stream.width, stream.pix_fmt = height, width, "bgr0"
        black = np.zeros((height, width, 3), np.uint8)
        frame = VideoFrame.from_ndarray(black, format="rgb24").reformat(format="bgr0")
        frame.pts = 0
        (packet,) = [*stream.encode(frame), *stream.encode()]
        content = bytes(packet)
        for t in range(frames):
            again = av.Packet(content)
            again.pts = again.dts = t
            again.time_base, again.stream, again.is_keyframe = Fraction(1, 8), stream, True
            opened.mux(again)
    return file.getvalue()


def element(identifier: bytes, content: bytes) -> bytes:
    """An EBML element with a length of eight bytes."""
    return identifier + (len(content) | 1 << 56).to_bytes(8) + content


SEGMENT, VOID, TAGS, CLUSTER = (
    b"\x18\x53\x80\x67",
    b"\xec",
    b"\x12\x54\xc3\x67",
    b"\x1f\x43\xb6\x75",
)


def beside(world: World, content: bytes) -> bytes:
    """The honest video with further elements after its segment."""
    return world.tree[VIDEO] + content


def inside(world: World, content: bytes) -> bytes:
    """The honest video with further elements at the end of its segment."""
    data = world.tree[VIDEO]
    at = data.index(SEGMENT)
    length_bytes = 9 - data[at + 4].bit_length()
    body = data[at + 4 + length_bytes :]
    return data[:at] + element(SEGMENT, body + content)


def nested(depth: int) -> bytes:
    """Master elements one in another."""
    content = b""
    for _ in range(depth):
        content = element(TAGS, content)
    return content


def corrupted(world: World) -> bytes:
    """The honest video with bytes changed within a frame."""
    data = bytearray(world.tree[VIDEO])
    at = len(data) * 2 // 3
    data[at : at + 40] = bytes(40)
    return bytes(data)


for _kind, _of in {
    "huge frames in a small file": lambda world: blank(7, 8192, 8192),
    "many large frames in a small file": lambda world: blank(60, 2160, 3840),
    "20,000 frames": lambda world: blank(20_000, 16, 16),
    "tiny elements beside the segment": lambda world: beside(world, b"\xec\x80" * 3_000_000),
    "tiny elements in the segment": lambda world: inside(world, b"\xec\x80" * 6_000_000),
    "tiny tags in the segment": lambda world: inside(
        world, element(TAGS, b"\x73\x73\x80" * 500_000)
    ),
    "tiny clusters": lambda world: inside(world, (CLUSTER + b"\x80") * 300_000),
    "elements in elements": lambda world: inside(world, nested(5000)),
    "element longer than the file": lambda world: inside(
        world, b"\xec\x01\x00\x00\x7f" + b"\xff" * 5
    ),
    "attachment of 8 MB": lambda world: inside(
        world,
        element(
            b"\x19\x41\xa4\x69",
            element(
                b"\x61\xa7",
                element(b"\x46\x6e", b"x.ttf")
                + element(b"\x46\x60", b"font/ttf")
                + element(b"\x46\x5c", bytes(8_000_000)),
            ),
        ),
    ),
    "second segment": lambda world: world.tree[VIDEO] * 2,
    "damaged frame": corrupted,
    "cut video": lambda world: world.tree[VIDEO][:-100],
    "empty video": lambda world: b"",
    "pickle for a video": lambda world: b"\x80\x04\x95pickle",
    "playlist for a video": lambda world: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "concatenation script for a video": lambda world: b"ffconcat version 1.0\nfile /etc/passwd\n",
    "XML playlist for a video": lambda world: (
        b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd'
    ),
}.items():
    _raw(_kind, _of)


@case("audio beside the video", "video")
def audio(world: World, place: Path) -> Sequence[str]:
    def prepare(opened: Any, stream: Any) -> None:
        opened.add_stream("pcm_s16le", rate=8000)

    return true_to_its_pixels(world, place, encode(HONEST, prepare=prepare))


@case("second video stream", "video")
def second_stream(world: World, place: Path) -> Sequence[str]:
    def prepare(opened: Any, stream: Any) -> None:
        other = opened.add_stream("ffv1", rate=8)
        other.width, other.height, other.pix_fmt = 64, 48, "bgr0"

    return true_to_its_pixels(world, place, encode(HONEST, prepare=prepare))


@case("video of another pair", "video", "other pixels")
def of_another_pair(world: World, place: Path) -> Sequence[str]:
    return with_video(world, place, world.tree[f"{OTHER}/video.mkv"])


@case("video is missing", "video")
def missing(world: World, place: Path) -> Sequence[str]:
    return world.verify(world.forge(place, lambda tree: tree.__delitem__(VIDEO)))


@case("source for a result", "video", "copy")
def source_copy(world: World, place: Path) -> Sequence[str]:
    video = (world.manifest.parent / "a.mkv").read_bytes()
    return true_to_its_pixels(world, place, video)


@case("one video for two seeds", "video")
def one_for_two_seeds(world: World, place: Path) -> Sequence[str]:
    return true_to_its_pixels(world, place, world.tree[f"{AGAIN}/video.mkv"])
