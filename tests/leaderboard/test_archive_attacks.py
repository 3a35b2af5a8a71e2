"""Archives that an enemy wrote: each is refused, and nothing is written outside the folder."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from smmbench_leaderboard.submission.archive import ArchiveError, Limits, pack, unpack

SMALL = Limits(members=8, json_bytes=1000, video_bytes=4000, total_bytes=6000, ratio=1000, depth=4)


def made(path: Path, write: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    return path


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("placeholder")
    info.filename = name  # not through the constructor, which would repair it
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def refused(path: Path, tmp_path: Path, message: str, limits: Limits = SMALL) -> None:
    folder = tmp_path / "deep" / "inside"
    folder.mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ArchiveError, match=message):
        unpack(path, folder, limits)
    written = set(tmp_path.rglob("*")) - before
    assert all(folder in place.parents for place in written)
    assert not any(place.is_symlink() for place in written)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "a/../../evil.json",
        "/etc/evil.json",
        "//host/evil.json",
        "C:/evil.json",
        "C:evil.json",
        "a\\..\\evil.json",
        "./evil.json",
        "a//evil.json",
        ".hidden/evil.json",
        ".json",
        "a./evil.json",
        "evil.json.",
        "con.json",
        "aux/evil.json",
        "LPT1.json",
        "evil\x00.json",
        "evil\n.json",
        "evil\u202e.json",
        "\N{CYRILLIC SMALL LETTER A}.json",
        "evi l.json",
        "$HOME.json",
        "-rf.json",
        "x" * 300 + ".json",
        "a/b/c/d/e.json",
    ],
)
def test_names_that_are_not_plain(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr(member(name), "{}"))
    refused(path, tmp_path, "not a plain relative name|is not a sound zip")


@pytest.mark.parametrize("name", ["x.pkl", "x.pt", "x.py", "x.npz", "x.html", "x", "x.mkv.exe"])
def test_unexpected_kinds_of_files(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr(member(name), "x"))
    refused(path, tmp_path, "no expected kind")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (stat.S_IFLNK, "a link"),
        (stat.S_IFDIR, "special|folder"),
        (stat.S_IFIFO, "a special file"),
        (stat.S_IFCHR, "a special file"),
        (stat.S_IFBLK, "a special file"),
        (stat.S_IFSOCK, "a special file"),
    ],
)
def test_all_but_regular_files(tmp_path: Path, kind: int, what: str) -> None:
    info = member("a.json", kind | 0o777)
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr(info, "/etc/passwd"))
    refused(path, tmp_path, what)


def test_a_folder_entry(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("folder/", ""))
    refused(path, tmp_path, "a folder")


def twice(archive: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.json", "1")
        archive.writestr("a.json", "2")


def case(archive: zipfile.ZipFile) -> None:
    archive.writestr("a.json", "1")
    archive.writestr("A.json", "2")


def folder_case(archive: zipfile.ZipFile) -> None:
    archive.writestr("a/x.json", "1")
    archive.writestr("A/y.json", "2")


def file_and_folder(archive: zipfile.ZipFile) -> None:
    archive.writestr("a.json", "1")
    archive.writestr("a.json/b.json", "2")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (twice, "there twice"),
        (case, "clashes with"),
        (folder_case, "differ only in case"),
        (file_and_folder, "both a file and a folder"),
    ],
)
def test_names_that_clash(
    tmp_path: Path, write: Callable[[zipfile.ZipFile], None], message: str
) -> None:
    refused(made(tmp_path / "a.zip", write), tmp_path, message)


def test_too_many_members(tmp_path: Path) -> None:
    def many(archive: zipfile.ZipFile) -> None:
        for i in range(9):
            archive.writestr(f"{i}.json", "")

    refused(made(tmp_path / "a.zip", many), tmp_path, "9 files")


def test_a_member_that_is_too_large(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", " " * 1001))
    refused(path, tmp_path, "more than 1000 bytes")


def test_members_that_are_too_large_together(tmp_path: Path) -> None:
    def several(archive: zipfile.ZipFile) -> None:
        archive.writestr("a.mkv", b"x" * 3500)
        archive.writestr("b.mkv", b"x" * 3500)

    refused(made(tmp_path / "a.zip", several), tmp_path, "too much at 'b.mkv'")


def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.mkv", bytes(50_000_000)))
    assert path.stat().st_size < 100_000
    refused(path, tmp_path, "times its own size", Limits())
    kept = sum(file.stat().st_size for file in (tmp_path / "deep").rglob("*.mkv"))
    assert kept < 45 * path.stat().st_size + (1 << 20)


def test_a_size_that_lies(tmp_path: Path) -> None:
    """The header says 10 bytes; much more would come."""
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.mkv", bytes(3000)))
    content = path.read_bytes().replace(struct.pack("<I", 3000), struct.pack("<I", 10))
    path.write_bytes(content)
    refused(path, tmp_path, "not a sound zip|is cut")


def test_members_that_overlap(tmp_path: Path) -> None:
    """Two directory entries that share one compressed stream (the quoted-overlap bomb)."""
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", " " * 900))
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = content[start:end]
    doubled = content[:start] + entry + entry.replace(b"a.json", b"b.json") + content[end:]
    at = start + 2 * len(entry)
    tail = bytearray(doubled[at:])
    tail[8:12] = struct.pack("<HH", 2, 2)
    tail[12:16] = struct.pack("<I", 2 * len(entry))
    path.write_bytes(doubled[:at] + bytes(tail))
    refused(path, tmp_path, "not a sound zip")


def test_a_directory_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", "{}"))
    content = bytearray(path.read_bytes())
    content[-14:-10] = struct.pack("<HH", 60_000, 60_000)
    path.write_bytes(bytes(content))
    refused(path, tmp_path, "says 60000 files")


def test_a_large_archive_whose_end_lies(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", "{}"))
    content = path.read_bytes()
    end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 10**9, 10**9, 10**12, 0)
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(content) - 22, 1)
    small = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(content[:-22] + end + locator + small)
    refused(path, tmp_path, "1000000000 files")
    path.write_bytes(content[:-22] + small)
    with pytest.raises(ArchiveError, match="broken zip64"):
        unpack(path, tmp_path / "deep", SMALL)


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", "{}"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    path.write_bytes(bytes(content))
    refused(path, tmp_path, "encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_odd_compressions(tmp_path: Path, method: int) -> None:
    def odd(archive: zipfile.ZipFile) -> None:
        archive.writestr("a.json", "{}", compress_type=method)

    refused(made(tmp_path / "a.zip", odd), tmp_path, "compressed by method")


def test_data_before_the_first_file(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", "{}"))
    path.write_bytes(b"#!/bin/sh\nrm -rf ~\n" + path.read_bytes())
    refused(path, tmp_path, "before its first file")


def test_data_after_the_end(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", "{}"))
    path.write_bytes(path.read_bytes() + b"more")
    refused(path, tmp_path, "after its end")


@pytest.mark.parametrize("keep", [0, 10, 40, -1, -30])
def test_archives_that_are_cut(tmp_path: Path, keep: int) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("a.json", "{}" * 50))
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, tmp_path, "zip")


def test_content_that_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", "claim: 0.1")
    path.write_bytes(path.read_bytes().replace(b"claim: 0.1", b"claim: 0.9"))
    refused(path, tmp_path, "not a sound zip.*CRC")


def test_an_empty_archive(tmp_path: Path) -> None:
    refused(made(tmp_path / "a.zip", lambda archive: None), tmp_path, "empty")


def test_what_is_packed_comes_back_and_is_the_same_every_time(tmp_path: Path) -> None:
    video = tmp_path / "some.mkv"
    video.write_bytes(bytes(range(256)) * 10)
    for name in ("one.zip", "two.zip"):
        pack(tmp_path / name, {"b/video.mkv": video, "a.json": b"{}"})
    one = (tmp_path / "one.zip").read_bytes()
    assert one == (tmp_path / "two.zip").read_bytes()
    folder = tmp_path / "out"
    folder.mkdir()
    assert unpack(tmp_path / "one.zip", folder) == ["a.json", "b/video.mkv"]
    assert (folder / "b/video.mkv").read_bytes() == video.read_bytes()
    assert all(
        i.date_time == (1980, 1, 1, 0, 0, 0) for i in zipfile.ZipFile(io.BytesIO(one)).filelist
    )


def test_a_name_that_would_be_refused_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="plain relative name"):
        pack(tmp_path / "a.zip", {"con/record.json": b"{}"})


def test_a_name_that_begins_with_nul(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("Xbad.json", "{}"))
    path.write_bytes(path.read_bytes().replace(b"Xbad.json", b"\0bad.json"))
    refused(path, tmp_path, "not a plain relative name")


def test_a_name_that_is_no_utf8_although_it_says_so(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", lambda archive: archive.writestr("\u00e4.json", "{}"))
    path.write_bytes(path.read_bytes().replace("\u00e4".encode(), b"\xff\xff"))
    refused(path, tmp_path, "not a sound zip archive")
