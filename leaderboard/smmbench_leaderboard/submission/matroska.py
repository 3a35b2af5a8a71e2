"""The only accepted video of a submission: one FFV1 stream in Matroska, about the clip's size.

The structure is walked before any decoder sees the file, so that neither huge frames in a small
file, nor millions of tiny elements, nor attachments cost memory or time. Element identifiers are
those of RFC 9559.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smmbench.video import NormalForm, VideoError

PIXELS = "bgr0"
LARGER = 4  # times the pixels, and times the frames, of the clip's form

EBML, SEGMENT = 0x1A45DFA3, 0x18538067
TRACKS, ENTRY, TRACK_VIDEO = 0x1654AE6B, 0xAE, 0xE0
CLUSTER, GROUP = 0x1F43B675, 0xA0
BLOCKS = frozenset({0xA3, 0xA1})  # SimpleBlock, Block
CODEC, KIND, WIDTH, HEIGHT, DOCTYPE = 0x86, 0x83, 0xB0, 0xBA, 0x4282
SIZE = (WIDTH, HEIGHT)
OPENED = frozenset({EBML, SEGMENT, TRACKS, ENTRY, TRACK_VIDEO, CLUSTER, GROUP})
TAGS, TAG_BYTES = 0x1254C367, 4096  # ours have some hundred bytes
REFUSED = {
    0x1941A469: "attachments",
    0x1043A770: "chapters",
    0x6D80: "encoded contents",
    0x7670: "a projection",
}


def check_structure(path: Path, form: NormalForm) -> None:
    """Reject a file that is not one FFV1 stream of about the size of its clip.

    Args:
        path: The file.
        form: Form of the clip. A video of another size, rate or length is converted to it before
            scoring, so it may be somewhat larger.

    Raises:
        VideoError: It is something else; the message begins with the path and states the fault.
    """
    frames = LARGER * form.frames
    budget = 200 + 8 * frames  # elements: a block, its group, and what a writer adds
    found: dict[int, list[bytes]] = {CODEC: [], KIND: [], WIDTH: [], HEIGHT: [], DOCTYPE: []}
    blocks = entries = segments = seen = 0
    with path.open("rb") as file:
        for kind, size, content in _elements(file, 0, path.stat().st_size, 0):
            seen += 1
            if seen > budget:
                raise VideoError(
                    f"'{path}' has more than {budget} elements, which {frames} frames do not need."
                )
            if kind in REFUSED:
                raise VideoError(f"'{path}' has {REFUSED[kind]}; only a video stream is taken.")
            if kind == TAGS and size > TAG_BYTES:
                raise VideoError(f"'{path}' has tags of {size} bytes, more than {TAG_BYTES}.")
            if kind in found:
                found[kind].append(content)
            blocks += kind in BLOCKS
            entries += kind == ENTRY
            segments += kind == SEGMENT
    if found[DOCTYPE][:1] != [b"matroska"] or segments != 1:
        raise VideoError(f"'{path}' is not one Matroska file.")
    if entries != 1 or found[KIND] != [b"\x01"] or found[CODEC] != [b"V_FFV1"]:
        raise VideoError(
            f"'{path}' must hold one stream, a video in FFV1, as `smmbench run` and "
            "`smmbench import` write it."
        )
    width, height = (int.from_bytes(found[name][0][:8]) if found[name] else 0 for name in SIZE)
    if not 0 < width * height <= LARGER * form.width * form.height:
        raise VideoError(
            f"'{path}' has frames of {width}x{height}; the clip's are {form.width}x{form.height}, "
            f"and at most {LARGER} times as many pixels are taken."
        )
    if not 0 < blocks <= frames:
        raise VideoError(
            f"'{path}' has {blocks} frames; the clip has {form.frames}, and at most {LARGER} times "
            "as many are taken."
        )


def check_pixels(path: Path) -> None:
    """Reject pixels that must be converted before they are used: only 8-bit RGB is exact.

    Called after `check_structure`, which bounds what the decoder allocates.

    Raises:
        VideoError: The pixels are in another format.
    """
    import av

    try:
        with av.open(str(path), format="matroska", metadata_errors="replace") as opened:
            found = opened.streams.video[0].pix_fmt if opened.streams.video else None
    except av.error.FFmpegError as error:
        raise VideoError(f"'{path}' does not decode: {error.strerror}.") from error
    if found != PIXELS:
        raise VideoError(
            f"'{path}' has pixels in the format {found}; a submission has {PIXELS}, as "
            "`smmbench run` and `smmbench import` write it."
        )


def _elements(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield every element with its length and up to 64 bytes, parents before children."""
    while start < end:
        file.seek(start)
        head = file.read(12)
        kind, kind_bytes = _number(head, keep=True)
        size, size_bytes = _number(head[kind_bytes:], keep=False)
        if not kind_bytes or not size_bytes or kind_bytes > 4:
            raise VideoError(f"'{file.name}' is damaged at byte {start}.")
        begin = start + kind_bytes + size_bytes
        if begin + size > end:
            raise VideoError(f"'{file.name}' is cut, or damaged at byte {start}.")
        file.seek(begin)
        yield kind, size, file.read(min(size, 64)) if kind not in OPENED else b""
        if kind in OPENED:
            if depth >= 4:
                raise VideoError(f"'{file.name}' is nested too deeply at byte {start}.")
            yield from _elements(file, begin, begin + size, depth + 1)
        start = begin + size


def _number(head: bytes, keep: bool) -> tuple[int, int]:
    """Read a number of variable length (RFC 8794, section 4); 0 bytes if it is invalid."""
    if not head or not head[0]:
        return 0, 0
    count = 9 - head[0].bit_length()
    if len(head) < count:
        return 0, 0
    value = int.from_bytes(head[:count])
    if keep:
        return value, count
    value &= (1 << 7 * count) - 1
    return (0, 0) if value == (1 << 7 * count) - 1 else (value, count)  # of unknown length
