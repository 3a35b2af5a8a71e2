"""Zip files that an enemy wrote: names, kinds, sizes, structure."""

from __future__ import annotations

import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.hostile.cases import case
from tests.hostile.world import PAIR, World, listed, packed

NAMES = {
    "name climbs": "../evil.json",
    "name climbs from a folder": "pairs/../../evil.json",
    "name is absolute": "/etc/evil.json",
    "name of a network share": "//host/evil.json",
    "name with a drive": "C:/evil.json",
    "name with backslashes": "pairs\\..\\evil.json",
    "name is hidden": ".hidden/evil.json",
    "name of a device": "aux/evil.json",
    "name with NUL": "evil\0.json",
    "name with a line break": "evil\nverified: it is what it says.json",
    "name with a terminal escape": "\x1b[2J\x1b[Hverified.json",
    "name that changes direction": "evil\u202enosj.json",
    "name of look-alike letters": "m\N{CYRILLIC SMALL LETTER A}nifest.json",
    "name too deep": "a/b/c/d/e/f/g/h.json",
    "name too long": "x" * 5000 + ".json",
    "pickle inside": "weights.pkl",
    "script inside": "setup.py",
    "page inside": "index.html",
}


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """A member whose name is written as it is, not repaired."""
    info = zipfile.ZipInfo("placeholder")
    info.filename, info.create_system, info.external_attr = name, 3, mode << 16
    return info


def added(world: World, place: Path, *infos: tuple[zipfile.ZipInfo, bytes]) -> tuple[str, ...]:
    """Verify the honest submission with further members."""
    path = packed(place / "submission.zip", world.tree)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            for info, content in infos:
                archive.writestr(info, content)
    return world.verify(path)


def _named(kind: str, name: str) -> None:
    @case(kind, "archive")
    def build(world: World, place: Path) -> Sequence[str]:
        return added(world, place, (member(name), b"{}"))


for _kind, _name in NAMES.items():
    _named(_kind, _name)


def _special(kind: str, mode: int) -> None:
    @case(kind, "archive")
    def build(world: World, place: Path) -> Sequence[str]:
        return added(world, place, (member("link.json", mode | 0o777), b"/etc/passwd"))


for _kind, _mode in {
    "symbolic link": stat.S_IFLNK,
    "pipe as a member": stat.S_IFIFO,
    "device as a member": stat.S_IFCHR,
    "folder as a member": stat.S_IFDIR,
}.items():
    _special(_kind, _mode)


@case("name twice", "archive")
def name_twice(world: World, place: Path) -> Sequence[str]:
    return added(world, place, (member("method.json"), world.tree["method.json"]))


@case("names differ in case", "archive")
def differs_in_case(world: World, place: Path) -> Sequence[str]:
    return added(world, place, (member("METHOD.json"), b"{}"))


@case("file and folder of one name", "archive")
def file_and_folder(world: World, place: Path) -> Sequence[str]:
    return added(world, place, (member("method.json/x.json"), b"{}"))


def _bytes(world: World, place: Path, change: Callable[[bytes], bytes]) -> tuple[str, ...]:
    path = packed(place / "submission.zip", world.tree)
    path.write_bytes(change(path.read_bytes()))
    return world.verify(path)


@case("data before the archive", "archive")
def data_before(world: World, place: Path) -> Sequence[str]:
    return _bytes(world, place, lambda content: b"#!/bin/sh\nexit\n" + content)


@case("data after the archive", "archive")
def data_after(world: World, place: Path) -> Sequence[str]:
    return _bytes(world, place, lambda content: content + b"more")


@case("archive is cut", "archive")
def is_cut(world: World, place: Path) -> Sequence[str]:
    return _bytes(world, place, lambda content: content[: len(content) // 2])


@case("archive is empty", "archive")
def is_empty(world: World, place: Path) -> Sequence[str]:
    return world.verify(packed(place / "submission.zip", {}))


@case("not an archive", "archive")
def not_an_archive(world: World, place: Path) -> Sequence[str]:
    (place / "submission.zip").write_bytes(b"\x80\x04\x95pickle" * 100)
    return world.verify(place / "submission.zip")


@case("content changed after packing", "archive")
def checksum(world: World, place: Path) -> Sequence[str]:
    return _bytes(world, place, lambda content: content.replace(b'"a dog"', b'"a cat"', 1))


@case("encrypted member", "archive")
def encrypted(world: World, place: Path) -> Sequence[str]:
    def change(content: bytes) -> bytes:
        data = bytearray(content)
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
        return bytes(data)

    return _bytes(world, place, change)


@case("odd compression", "archive")
def odd_compression(world: World, place: Path) -> Sequence[str]:
    path = place / "submission.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in world.tree.items():
            archive.writestr(name, content)
    return world.verify(path)


@case("members share one stream", "archive")
def overlapping(world: World, place: Path) -> Sequence[str]:
    path = packed(place / "submission.zip", {"a.json": b" " * 900}, compress=True)
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry = content[start:end]
    count = 200
    doubled = b"".join(entry.replace(b"a.json", f"{i:06}"[:6].encode()) for i in range(count))
    tail = bytearray(content[end:])
    tail[8:12] = struct.pack("<HH", count, count)
    tail[12:16] = struct.pack("<I", len(doubled))
    path.write_bytes(content[:start] + doubled + bytes(tail))
    return world.verify(path)


@case("bomb of a video", "archive")
def video_bomb(world: World, place: Path) -> Sequence[str]:
    tree = world.tree | {f"{PAIR}/video.mkv": bytes(200_000_000)}
    tree["manifest.json"] = listed(tree)
    return world.verify(packed(place / "submission.zip", tree, compress=True))


@case("bomb of JSON", "archive")
def json_bomb(world: World, place: Path) -> Sequence[str]:
    tree = world.tree | {f"{PAIR}/record.json": b" " * 100_000_000}
    return world.verify(packed(place / "submission.zip", tree, compress=True))


@case("bomb beside much random data", "archive")
def diluted_bomb(world: World, place: Path) -> Sequence[str]:
    import random

    noise = random.Random(0).randbytes(12_000_000)
    tree = world.tree | {"noise.mkv": noise, f"{PAIR}/record.json": b" " * 15_000_000}
    return world.verify(packed(place / "submission.zip", tree, compress=True))


@case("many members", "archive")
def many_members(world: World, place: Path) -> Sequence[str]:
    tree = world.tree | {f"pairs/x/{i}.json": b"{}" for i in range(51_000)}
    return world.verify(packed(place / "submission.zip", tree))


@case("many members below the limit", "archive")
def fewer_members(world: World, place: Path) -> Sequence[str]:
    tree = world.tree | {f"pairs/x/dog/seed-{i}/record.json": b"{}" for i in range(20_000)}
    tree["manifest.json"] = listed(tree)
    return world.verify(packed(place / "submission.zip", tree))


@case("directory that lies", "archive")
def lying_directory(world: World, place: Path) -> Sequence[str]:
    def change(content: bytes) -> bytes:
        end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 10**9, 10**9, 10**12, 0)
        locator = struct.pack("<IIQI", 0x07064B50, 0, len(content) - 22, 1)
        small = struct.pack(
            "<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
        )
        return content[:-22] + end + locator + small

    return _bytes(world, place, change)


@case("no list of files", "archive")
def no_list(world: World, place: Path) -> Sequence[str]:
    tree = {name: content for name, content in world.tree.items() if name != "manifest.json"}
    return world.verify(packed(place / "submission.zip", tree))


@case("list of other files", "archive")
def other_list(world: World, place: Path) -> Sequence[str]:
    def change(tree: dict[str, bytes]) -> None:
        tree[f"{PAIR}/notes.json"] = b"{}"

    return world.verify(world.forge(place, change, relist=False))


@case("no such archive", "archive", code=2)
def no_such(world: World, place: Path) -> Sequence[str]:
    return world.verify(place / "none.zip")


@case("archive is a pipe", "archive", code=2)
def archive_is_a_pipe(world: World, place: Path) -> Sequence[str]:
    import os

    os.mkfifo(place / "submission.zip")
    return world.verify(place / "submission.zip")
