"""Zip archives: written reproducibly, and read as hostile input.

Only a flat list of regular files with plain names is read. Anything else that a zip can contain
(folders, links, devices, absolute or parent paths, names that differ only in case, encryption,
unusual compression, data before or after) is rejected, not repaired. Sizes are counted while
reading; sizes that the archive states can only cause an earlier rejection.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

CHUNK = 1 << 20
ENDINGS = (".json", ".mkv")
MOMENT = (1980, 1, 1, 0, 0, 0)  # earliest date of a zip: no clock enters

NAMED_BYTES = {"method.json": 512 << 10, "record.json": 512 << 10, "scores.json": 1 << 20}

# One part of a path. No dot at either end, so neither hidden, nor `..`, nor changed by Windows.
_PART = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class ArchiveError(ValueError):
    """An archive is rejected; the message names the member and the reason."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may unpack to.

    Attributes:
        members: Maximum number of files.
        json_bytes: Maximum bytes of one JSON file, whatever its name.
        named_bytes: Maximum bytes of files with certain names, which have smaller limits.
        json_total: Maximum bytes of all JSON files.
        video_bytes: Maximum bytes of one video.
        total_bytes: Maximum bytes of all files.
        ratio: Maximum unpacked bytes per byte of the archive; ours have 1:1, deflated JSON 1:10.
        depth: Maximum number of parts of a path.
    """

    members: int = 50_000
    json_bytes: int = 8 << 20
    named_bytes: Mapping[str, int] = field(default_factory=lambda: dict(NAMED_BYTES))
    json_total: int = 96 << 20
    video_bytes: int = 2 << 30
    total_bytes: int = 64 << 30
    ratio: float = 40.0
    depth: int = 6

    def of(self, name: str) -> int:
        """Return the maximum size in bytes of a file of this name."""
        if name.endswith(".mkv"):
            return self.video_bytes
        return min(self.json_bytes, self.named_bytes.get(PurePosixPath(name).name, self.json_bytes))


def pack(path: Path, files: Mapping[str, Path | bytes]) -> None:
    """Write a zip whose bytes depend only on names and contents.

    Files are stored uncompressed: videos are compressed already, and the result of deflating
    depends on the version of zlib. `path` is written in place, so give a temporary one
    (`smmbench.storage.atomic.atomic_path`).

    Args:
        path: The archive.
        files: Content, or the file that holds it, by name in the archive.

    Raises:
        ArchiveError: `unpack` would reject a name.
    """
    for name in files:
        _refuse_name(name, Limits())
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, MOMENT)
            member.create_system = 3  # Unix, wherever it is written
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.compress_type = zipfile.ZIP_STORED
            content = files[name]
            large = isinstance(content, Path) and content.stat().st_size >= 2**31
            with archive.open(member, "w", force_zip64=large) as target:
                if isinstance(content, bytes):
                    target.write(content)
                    continue
                with content.open("rb") as source:
                    while chunk := source.read(CHUNK):
                        target.write(chunk)


def unpack(path: Path, folder: Path, limits: Limits | None = None) -> list[str]:
    """Unpack an archive into a separate empty folder.

    After an error the folder holds what was already unpacked, and the caller must remove it.

    Args:
        path: The archive.
        folder: An existing empty folder that nobody else writes to.
        limits: Limits of what is unpacked.

    Returns:
        Names of the files, in the archive's order.

    Raises:
        ArchiveError: The archive is refused.
        OSError: The archive cannot be read, or the folder cannot be written.
    """
    limits = limits or Limits()
    allowed = min(limits.total_bytes, int(path.stat().st_size * limits.ratio))
    json_left = limits.json_total
    with _opened(path, limits) as archive:
        for member in archive.infolist():
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            size = 0
            with target.open("xb") as file:
                for chunk in _chunks(archive, member, limits):
                    size += len(chunk)
                    if size > allowed or (target.suffix == ".json" and size > json_left):
                        raise ArchiveError(
                            f"The archive unpacks to too much at '{member.filename}': the limit is "
                            f"{limits.total_bytes} bytes, {limits.json_total} of JSON, and "
                            f"{limits.ratio:g} times its own size."
                        )
                    file.write(chunk)
            allowed -= size
            json_left -= size if target.suffix == ".json" else 0
        return [member.filename for member in archive.infolist()]


def names_and_file(path: Path, name: str, limits: Limits | None = None) -> tuple[list[str], bytes]:
    """Read the names of all members and the content of one, without unpacking.

    Raises:
        ArchiveError: The archive is refused, or has no such member.
        OSError: The archive cannot be read.
    """
    limits = limits or Limits()
    with _opened(path, limits) as archive:
        names = archive.namelist()
        if name not in names:
            raise ArchiveError(f"There is no {name}: this is not a submission of smmbench.")
        return names, b"".join(_chunks(archive, archive.getinfo(name), limits))


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open an archive after checking its directory; errors state the fault in one sentence."""
    _refuse_large_directory(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_members(archive.infolist(), limits)
            yield archive
    except (
        zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError,
        UnicodeDecodeError, OverflowError,
    ) as error:  # fmt: skip
        raise ArchiveError(f"'{path.name}' is not a sound zip archive: {error}.") from error


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> Iterator[bytes]:
    """Read the content of one member, counting the actual bytes."""
    size, most = 0, limits.of(member.filename)
    with archive.open(member) as source:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > most:
                raise ArchiveError(f"'{member.filename}' unpacks to more than {most} bytes.")
            yield chunk
    if size != member.file_size:
        raise ArchiveError(f"'{member.filename}' is cut: {size} of {member.file_size} bytes.")


def _refuse_members(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if not members:
        raise ArchiveError("The archive is empty.")
    if len(members) > limits.members:
        raise ArchiveError(f"The archive has {len(members)} files, the limit is {limits.members}.")
    if min(member.header_offset for member in members) != 0:
        raise ArchiveError("The archive has data before its first file.")
    taken: dict[str, str] = {}  # names as a system that ignores case sees them
    folders: dict[str, str] = {}
    for member in members:
        _refuse_kind(member)
        _refuse_name(member.orig_filename, limits)  # what was written: `zipfile` repairs some
        name = member.filename
        if other := taken.get(name.casefold()):
            raise ArchiveError(f"'{name}' is there twice, or clashes with '{other}'.")
        taken[name.casefold()] = name
        for parent in list(PurePosixPath(name).parents)[:-1]:
            other = folders.setdefault(str(parent).casefold(), str(parent))
            if other != str(parent):
                raise ArchiveError(f"The folders '{parent}' and '{other}' differ only in case.")
    if both := taken.keys() & folders.keys():
        raise ArchiveError(f"'{min(both)}' is both a file and a folder.")


def _refuse_kind(member: zipfile.ZipInfo) -> None:
    """Reject everything but regular, unencrypted files that are stored or deflated."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    # Not `is_dir()`, which fails for a name that is empty because it began with NUL.
    folder = member.filename.endswith("/") or member.external_attr & 0x10  # the folder bit of DOS
    if folder or kind not in (0, stat.S_IFREG):
        what = "a link" if stat.S_ISLNK(kind) else "a folder" if folder else "a special file"
        raise ArchiveError(f"{member.orig_filename!r} is {what}; only regular files are taken.")
    if member.flag_bits & 0x1:
        raise ArchiveError(f"{member.orig_filename!r} is encrypted.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(
            f"{member.orig_filename!r} is compressed by method {member.compress_type}; "
            "only stored and deflated files are taken."
        )


def _refuse_name(name: str, limits: Limits) -> None:
    parts = name.split("/")
    plain = all(_PART.fullmatch(part) and not _DEVICE.fullmatch(part) for part in parts)
    if not plain or len(parts) > limits.depth:
        raise ArchiveError(
            f"{name[:120]!r} is not a plain relative name (letters, digits, '.', '_', '-', at most "
            f"{limits.depth} parts of 100)."
        )
    if not name.endswith(ENDINGS):
        raise ArchiveError(f"{name!r} is of no expected kind; there may be {', '.join(ENDINGS)}.")


def _refuse_large_directory(path: Path, limits: Limits) -> None:
    """Check the end of the archive before `zipfile` reads its whole directory into memory.

    APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16. Without a comment, the end record is the last 22
    bytes; in a large archive (zip64) the actual numbers are 98 bytes before the end.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 98))
        tail = file.read()
    if size < 22 or tail[-22:-18] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        raise ArchiveError(f"'{path.name}' is not a zip archive, or has data after its end.")
    count, directory, start = struct.unpack("<HII", tail[-12:-2])
    if count == 0xFFFF or 0xFFFFFFFF in (directory, start):
        if len(tail) < 98 or tail[:4] != b"PK\x06\x06" or tail[-42:-38] != b"PK\x06\x07":
            raise ArchiveError(f"'{path.name}' has a broken zip64 end.")
        count, directory, start = struct.unpack("<QQQ", tail[32:56])
    if count > limits.members or directory > 512 * limits.members:
        raise ArchiveError(
            f"The archive's directory says {count} files in {directory} bytes; the limit is "
            f"{limits.members} files."
        )
    if start + directory > size:
        raise ArchiveError(f"'{path.name}' is cut: its directory is not where it says.")
