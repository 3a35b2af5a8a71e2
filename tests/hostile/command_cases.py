"""Other commands on hostile files: results folders, datasets, folders of images."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.hostile.cases import case
from tests.hostile.text_cases import ESCAPE
from tests.hostile.world import LABEL, World, set_to

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
PLACE = f"{LABEL}/toys/a/dog/seed-0"

COMMANDS: dict[str, tuple[str, ...]] = {
    "score": ("score", "{root}", "--device", "cpu"),
    "leaderboard": ("leaderboard", "{root}", "--dataset", "{toys}"),
    "why": ("why", LABEL, "motion_fidelity", "{root}", "--dataset", "{toys}"),
    "submit": ("submit", f"{{root}}/{LABEL}", "--dataset", "{toys}", "-o", "{root}/out.zip"),
}


def results(world: World, place: Path, verb: str, change: Callable[[Path], None]) -> list[str]:
    """Copy the honest results, change them, and give the arguments of a command on them."""
    root = place / "results"
    shutil.copytree(world.results, root)
    change(root)
    return [word.format(root=root, toys=world.manifest) for word in COMMANDS[verb]]


def _replaced(name: str, content: bytes) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / name).unlink()
        (root / name).write_bytes(content)

    return change


def _pipe(name: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / name).unlink()
        os.mkfifo(root / name)

    return change


def _edited(name: str, *keys: str | int, value: Any) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        content = json.loads((root / name).read_text())
        set_to(*keys, value=value)(content)
        (root / name).write_text(json.dumps(content))

    return change


def _on_results(
    kind: str, verb: str, change: Callable[[Path], None], code: int | None = None
) -> None:
    @case(kind, "files", code=code)
    def build(world: World, place: Path) -> Sequence[str]:
        return results(world, place, verb, change)


for _verb in COMMANDS:
    _on_results(f"{_verb}: deep record", _verb, _replaced(f"{PLACE}/record.json", DEEP))
_on_results(
    "leaderboard: huge record",
    "leaderboard",
    _replaced(f"{PLACE}/record.json", b'{"a":[' + b"[0]," * 8_000_000 + b"0]}"),
)
for _verb in ("leaderboard", "why", "submit"):
    _on_results(f"{_verb}: deep scores", _verb, _replaced(f"{PLACE}/scores.json", DEEP))
    _on_results(f"{_verb}: deep card", _verb, _replaced(f"{LABEL}/method.json", DEEP))
    _on_results(
        f"{_verb}: number of 400 digits",
        _verb,
        _edited(f"{PLACE}/record.json", "peak_memory_bytes", value=int("9" * 400)),
    )
_on_results(
    "score: escapes in a record", "score", _edited(f"{PLACE}/record.json", "entry\x1b[2J", value=1)
)
_on_results(
    "leaderboard: escapes in a title",
    "leaderboard",
    _edited(f"{LABEL}/method.json", "card", "title", value=ESCAPE),
    code=0,
)
_on_results(
    "score: record is a pipe",
    "score",
    _pipe(f"{PLACE}/record.json"),
)
_on_results(
    "score: video is a pipe",
    "score",
    _pipe(f"{PLACE}/video.mkv"),
)


def dataset(world: World, place: Path, change: Callable[[Path, str], str]) -> tuple[str, ...]:
    """Copy the honest dataset, change its manifest, and check it."""
    folder = place / "toys"
    shutil.copytree(world.manifest.parent, folder)
    text = change(folder, (folder / "toys.toml").read_text())
    (folder / "toys.toml").write_text(text)
    return "datasets", "check", str(folder / "toys.toml")


def npz(path: Path, header: bytes, blocks: int) -> str:
    """A small npz whose one array unpacks to `blocks` MiB of zeros; give its SHA-256."""
    import hashlib
    import zipfile

    name = "masks.npy"
    text = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
        for _ in range(blocks):
            file.write(bytes(1 << 20))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _masks(kind: str, shape: str, kind_of: str, blocks: int) -> None:
    @case(kind, "files")
    def build(world: World, place: Path) -> Sequence[str]:
        def change(folder: Path, text: str) -> str:
            header = f"{{'descr': '{kind_of}', 'fortran_order': False, 'shape': {shape}, }}"
            sha256 = npz(folder / "m.npz", header.encode(), blocks)
            line = f'masks = {{ path = "m.npz", sha256 = "{sha256}" }}\n[[clips.edits]]'
            return text.replace("[[clips.edits]]", line, 1)

        return dataset(world, place, change)


_masks("datasets check: bomb of masks", "(1200, 1024, 1024)", "|b1", 1200)
_masks("datasets check: masks of all memory", "(1000000, 1000000, 1000000)", "|b1", 1)
_masks("datasets check: masks of objects", "(5,)", "|O", 1)


@case("datasets check: file is a pipe", "files")
def dataset_pipe(world: World, place: Path) -> Sequence[str]:
    def change(folder: Path, text: str) -> str:
        (folder / "a.mkv").unlink()
        os.mkfifo(folder / "a.mkv")
        return text

    return dataset(world, place, change)


@case("datasets check: escapes in the attribution", "files")
def dataset_escapes(world: World, place: Path) -> Sequence[str]:
    def change(folder: Path, text: str) -> str:
        return text.replace('title = "T"', 'title = "T\\u001b[2J"').replace(
            "made here", "\\u001b[2J"
        )

    return dataset(world, place, change)


@case("datasets check: deep manifest", "files")
def deep_manifest(world: World, place: Path) -> Sequence[str]:
    def change(folder: Path, text: str) -> str:
        return text.replace("tags", "tags") + "x = " + "[" * 50_000 + "]" * 50_000 + "\n"

    return dataset(world, place, change)


@case("datasets check: unknown key with escapes", "files")
def unknown_key(world: World, place: Path) -> Sequence[str]:
    def change(folder: Path, text: str) -> str:
        return '"x\\u001b[2J" = 1\n' + text

    return dataset(world, place, change)


@case("import: pipe among the images", "files")
def images_with_a_pipe(world: World, place: Path) -> Sequence[str]:
    folder = place / "outputs" / "a" / "dog"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "0001.png")
    return _import(world, place)


@case("import: image bomb", "files")
def image_bomb(world: World, place: Path) -> Sequence[str]:
    """A PNG of 60,000 x 60,000 black pixels in some kilobytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    side = 30_000
    header = side.to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(bytes(side // 8 + 1)) for _ in range(side)) + packer.flush()
    folder = place / "outputs" / "a" / "dog"
    folder.mkdir(parents=True)
    (folder / "0001.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )
    return _import(world, place)


def _import(world: World, place: Path) -> tuple[str, ...]:
    return (
        *("import", str(place / "outputs"), "--method", "elsewhere"),
        *("--dataset", str(world.manifest), "--output", str(place / "results")),
    )
