"""Identify a container and check from a file's own structure that the file is complete.

Decoders return a shorter video for a cut file. A container states how long it is, so its
outermost structure is checked first, without decoding a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from smmbench.errors import VideoError

_REMUX = "Rewrite it with its length: `ffmpeg -i FILE -map 0:v -c copy new.mkv`."
NO_LENGTH = {
    "mpeg": "an MPEG program stream does not say its length: a cut between packets cannot be seen"
}
"""A note for containers in which some cuts cannot be detected."""
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")  # with which a file begins
_BOXES = (*_MP4_BOXES, b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"udta", b"meta", b"uuid")


def container_format(path: Path) -> str:
    """FFmpeg's name of the container, by its first bytes: `mov`, `matroska`, `gif`, `avi`, `mpeg`.

    Only these are opened: FFmpeg's playlist formats would let a file name other files to read.

    Raises:
        VideoError: The file is empty or of another kind.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if not head:
        raise VideoError(f"'{path}' is empty.")
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"GIF8":
        return "gif"
    if head[4:8] in _MP4_BOXES:
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\0\0\1\xba":
        return "mpeg"
    raise VideoError(
        f"'{path}' is not a supported video: it must be mp4, mov, mkv, webm, gif, avi "
        "or mpg, or a folder of numbered png or jpg images."
    )


def check_whole(path: Path, container: str) -> None:
    """Check that a file reaches the end that its container states.

    Args:
        path: The file.
        container: Result of `container_format`.

    Raises:
        VideoError: The file is cut, or does not state where it ends.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        fault = _WALKS[container](file, size)
    if fault:
        raise VideoError(f"'{path}' {fault}")


def _cut(missing: int) -> str:
    return f"is cut: at least {missing} bytes are missing at its end. Copy or fetch it again."


def _walk_mp4(file: BinaryIO, size: int) -> str:
    """Follow the outermost boxes (ISO 14496-12, 4.2); describe the first fault.

    Bytes after the last box that form no box are ignored, as in players.
    """
    seen: set[bytes] = set()
    for kind, start, end in _boxes(file, 0, size):
        if {b"moov", b"mdat"} <= seen and (not kind or (end > size and kind not in _BOXES)):
            break
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
        return f"consists of fragments and does not state how many, so it may be cut. {_REMUX}"
    return ""


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of each box; finally an empty kind where no box begins."""
    while start < end:
        file.seek(start)
        head = file.read(16).ljust(8, b"\0")
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16])
        elif length == 0 and kind != bytes(4):  # the last box extends to the end of the file
            length = end - start
        yield (kind if length >= 8 else b""), start, start + length
        if length < 8:
            return
        start += length


def _walk_matroska(file: BinaryIO, size: int) -> str:
    """Follow the elements (RFC 8794, section 5) down to the blocks; describe the first fault.

    A demuxer that loses its position among the blocks continues as if they did not exist. Bytes
    after the segment that form no element are ignored, as in players.
    """
    position, segment = 0, False
    while position < size:
        element = _element(file, position)
        if element.fault:
            if position and element.fault == _PADDING:
                return ""
            return "" if segment and not element.cut else element.fault.format(position)
        if segment and element.kind not in _AFTER_SEGMENT:
            return ""
        if element.end is None:
            return f"does not state its length (its writer was stopped, or still runs). {_REMUX}"
        if element.end > size:
            return _cut(element.end - size)
        if element.kind == _SEGMENT:
            segment = True
            if (at := _gap(file, element.start, element.end)) is not None:
                return f"is damaged at byte {at}: its elements do not follow one another."
        position = element.end
    return ""


_SEGMENT = 0x18538067
_CLUSTER, _GROUP = 0x1F43B675, 0xA0  # clusters, and groups of a block and what belongs to it
_IN_CLUSTER = (_GROUP, 0xA3, 0xE7, 0xA7, 0xAB, 0xAF, 0xEC, 0xBF, 0x5854)
_AFTER_SEGMENT = (_SEGMENT, 0x1A45DFA3, 0xEC, 0xBF)  # segment, EBML head, void, checksum
_PADDING = "is padded with zeros at byte {}."


@dataclass(frozen=True)
class _Element:
    """One element: its kind, and where its content begins and ends (None if not stated)."""

    kind: int = 0
    start: int = 0
    end: int | None = None
    fault: str = ""
    cut: bool = False


def _element(file: BinaryIO, position: int) -> _Element:
    file.seek(position)
    head = file.read(12)
    if not head or head[0] < 0x10:  # not an identifier; some writers pad with zeros
        return _Element(fault="is damaged at byte {}." if head.strip(b"\0") else _PADDING)
    id_bytes = 9 - head[0].bit_length()
    if len(head) <= id_bytes or not head[id_bytes]:
        return _Element(fault=_cut(1), cut=True)
    length_bytes = 9 - head[id_bytes].bit_length()
    field = head[id_bytes : id_bytes + length_bytes]
    if len(field) < length_bytes:
        return _Element(fault=_cut(length_bytes - len(field)), cut=True)
    length = int.from_bytes(field) & ((1 << 7 * length_bytes) - 1)
    start = position + id_bytes + length_bytes
    unknown = length == (1 << 7 * length_bytes) - 1
    return _Element(int.from_bytes(head[:id_bytes]), start, None if unknown else start + length)


def _gap(file: BinaryIO, start: int, end: int, parent: int = _SEGMENT) -> int | None:
    """The first byte between `start` and `end` where no valid element begins, if any."""
    while start < end:
        element = _element(file, start)
        if element.kind == _CLUSTER and element.end is None:  # it ends where the next one begins
            start = element.start
            continue
        if element.fault or element.end is None or element.end > end:
            return start
        if parent == _CLUSTER and element.kind not in _IN_CLUSTER:
            return start
        if element.kind in (_CLUSTER, _GROUP):
            inner = _gap(file, element.start, element.end, element.kind)
            if inner is not None:
                return inner
        start = element.end
    return None if start == end else start


def _walk_avi(file: BinaryIO, size: int) -> str:
    """Follow the RIFF chunks (AVI, and `AVIX` of OpenDML); describe the first fault."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(12)
        if head[:4] != b"RIFF":  # bytes after the last one are ignored
            return "" if position else "is damaged at byte 0."
        length = int.from_bytes(head[4:8], "little")
        if length in (0, 0xFFFFFFFF):
            return f"does not state its length (its writer was stopped). {_REMUX}"
        position += 8 + length + length % 2
    return _cut(position - size) if position > size + 1 else ""


def _walk_mpeg(file: BinaryIO, size: int) -> str:
    """Follow the packs and packets of a program stream (ISO 13818-1, 2.5.3)."""
    position = 0
    while position + 4 <= size:
        file.seek(position)
        head = file.read(14)
        if head[:3] != b"\0\0\1":
            break  # bytes after it are ignored
        if head[3] == 0xB9:  # the end of the program
            return ""
        if head[3] == 0xBA:  # a pack: 12 bytes in MPEG-1; in MPEG-2, 14 and stuffing
            length = 14 + (head[13] & 7) if len(head) > 13 and head[4] >> 6 == 1 else 12
        else:
            length = 6 + int.from_bytes(head[4:6])
        position += length
    return _cut(position - size) if position > size else ""


def _walk_gif(file: BinaryIO, size: int) -> str:
    """Follow the blocks up to the trailer (GIF89a specification); describe the first fault."""
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
    "avi": _walk_avi,
    "mpeg": _walk_mpeg,
}
