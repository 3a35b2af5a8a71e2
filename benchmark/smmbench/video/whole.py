"""Telling from a file's own structure what it is, and that its end is there.

Decoders make the best of a cut file and return a shorter video. A container says how long it
is, so its outermost structure is walked first; no pixel is decoded for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from smmbench.errors import VideoError

_REMUX = "Write it anew with its length: `ffmpeg -i FILE -map 0:v -c copy new.mkv`."
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")


def container_format(path: Path) -> str:
    """FFmpeg's name of the container, by its first bytes: `mov`, `matroska` or `gif`.

    Only these are opened: FFmpeg's playlist formats would let a file name others to be read.

    Raises:
        VideoError: The file is empty or something else.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise VideoError(f"'{path}' is empty.")
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"GIF8":
        return "gif"
    if head[4:8] in _MP4_BOXES:
        return "mov"
    raise VideoError(
        f"'{path}' is not a video that is read here: it must be mp4, mov, mkv, webm or gif, "
        "or a folder of numbered png or jpg images."
    )


def check_whole(path: Path, container: str) -> None:
    """Make sure that a file reaches to the end that its container states.

    Args:
        path: The file.
        container: What `container_format` said of it.

    Raises:
        VideoError: The file is cut, or does not tell where it ends.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        fault = _WALKS[container](file, size)
    if fault:
        raise VideoError(f"'{path}' {fault}")


def _cut(missing: int) -> str:
    return f"is cut: at least {missing} bytes are missing at its end. Copy or fetch it again."


def _walk_mp4(file: BinaryIO, size: int) -> str:
    """Follow the outermost boxes (ISO 14496-12, 4.2); a word on the first fault."""
    seen: set[bytes] = set()
    for kind, start, end in _boxes(file, 0, size):
        if not kind:
            return f"is damaged: a box of {end - start} bytes at byte {start}."
        if end > size:
            return _cut(end - size)
        seen.add(kind)
        if kind == b"moov":
            seen.update(inner for inner, _, _ in _boxes(file, start + 8, end))
    if b"moov" not in seen:
        return "is cut: its index (the box 'moov') is missing. Copy or fetch it again."
    if b"mvex" in seen and b"mfra" not in seen:
        return f"is made of fragments and does not say how many, so it may be cut. {_REMUX}"
    return ""


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of each box; an empty kind, at last, where it is none."""
    while start < end:
        file.seek(start)
        head = file.read(16).ljust(8, b"\0")
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16])
        elif length == 0 and kind != bytes(4):  # the last box: to the end of the file
            length = end - start
        yield (kind if length >= 8 else b""), start, start + length
        if length < 8:
            return
        start += length


def _walk_matroska(file: BinaryIO, size: int) -> str:
    """Follow the outermost elements (RFC 8794, section 5); a word on the first fault."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(12)
        if head[0] < 0x10:  # no length of an identifier; some writers pad with zeros
            return "" if position and not head.strip(b"\0") else f"is damaged at byte {position}."
        id_bytes = 9 - head[0].bit_length()
        if len(head) <= id_bytes or not head[id_bytes]:
            return _cut(1)
        length_bytes = 9 - head[id_bytes].bit_length()
        field = head[id_bytes : id_bytes + length_bytes]
        if len(field) < length_bytes:
            return _cut(length_bytes - len(field))
        length = int.from_bytes(field) & ((1 << 7 * length_bytes) - 1)
        if length == (1 << 7 * length_bytes) - 1:
            return f"does not say its length (its writer was stopped, or live). {_REMUX}"
        position += id_bytes + length_bytes + length
    return _cut(position - size) if position > size else ""


def _walk_gif(file: BinaryIO, size: int) -> str:
    """Follow the blocks up to the trailer (GIF89a specification); a word on the first fault."""
    screen = file.read(13)
    if len(screen) < 13:
        return _cut(13 - len(screen))
    file.seek(_palette_bytes(screen[10]), 1)
    while kind := file.read(1):
        if kind == b";":
            return ""
        if kind == b",":  # an image: place, size, palette, and the bits of a code
            place = file.read(9)
            if len(place) < 9:
                break
            file.seek(_palette_bytes(place[8]) + 1, 1)
        elif kind == b"!":  # an extension: its label
            file.seek(1, 1)
        else:
            return f"is damaged at byte {file.tell() - 1}."
        while (length := file.read(1)) and length[0]:
            file.seek(length[0], 1)
    return _cut(max(1, file.tell() + 1 - size))


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


_WALKS: dict[str, Callable[[BinaryIO, int], str]] = {
    "mov": _walk_mp4,
    "matroska": _walk_matroska,
    "gif": _walk_gif,
}
