"""Write a fixed set as files: the lines of its manifest, and arrays with reproducible bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from smmbench.storage.atomic import atomic_path
from smmbench.storage.home import file_sha256
from smmbench_datasets.emoji.sampling import Split

OBJECT_POINTS, BACKGROUND_POINTS = 150, 250
LICENCE = "Apache-2.0 AND OFL-1.1"
ATTRIBUTION = (
    "The smmbench authors; the sprite is from Noto Color Emoji 2.042, "
    "Copyright 2022 Google Inc., SIL Open Font License 1.1"
)


@dataclass(frozen=True)
class FixedSet:
    """The inputs of a set."""

    name: str
    version: int
    title: str
    purpose: str
    split: Split
    clips_per_motion: int
    seed: int


@dataclass(frozen=True)
class FixedEdit:
    """An edit, as the manifest states it."""

    name: str
    prompt: str
    kind: str


@dataclass(frozen=True)
class FixedClip:
    """A clip, as the manifest states it, without its files.

    Attributes:
        name: Name of the clip and of its files.
        prompt: What the clip shows.
        tags: Family of motion, object and scene.
        edits: Edits of the clip.
    """

    name: str
    prompt: str
    tags: Sequence[str]
    edits: Sequence[FixedEdit]


def head(fixed: FixedSet, module: str, description: str, protocol: str) -> Iterator[str]:
    """Yield the first lines of a manifest.

    Args:
        fixed: The set.
        module: Module that writes it.
        description: Description of the set.
        protocol: The table of the protocol, as TOML.
    """
    yield f"# Written by `python -m {module}`; edit make.py or selection.py."
    yield f"name = {toml_text(fixed.name)}"
    yield f"version = {fixed.version}"
    yield f"title = {toml_text(fixed.title)}"
    yield f"description = {toml_text(description)}"
    yield f"licence = {toml_text(LICENCE)}"
    if fixed.split == "val":
        yield 'purpose = "validation"'
    yield f"\n{protocol}"


def entry(clip: FixedClip, path: str, folder: Path, pixels: str) -> Iterator[str]:
    """Yield a clip's lines of a manifest.

    Args:
        clip: The clip.
        path: Path of the folder of its files, as the manifest states it.
        folder: Folder of its files on this machine.
        pixels: Pixel hash of its video.
    """
    yield "[[clips]]"
    yield f"name = {toml_text(clip.name)}"
    yield f"video = {file_entry(folder, path, f'{clip.name}.mkv')}"
    yield f"pixels_sha256 = {toml_text(pixels)}"
    yield f"prompt = {toml_text(clip.prompt)}"
    yield f"licence = {toml_text(LICENCE)}"
    yield f"attribution = {toml_text(ATTRIBUTION)}"
    yield f"tags = [{', '.join(toml_text(tag) for tag in clip.tags)}]"
    yield f"tracks = {file_entry(folder, path, f'{clip.name}.tracks.npz')}"
    yield f"masks = {file_entry(folder, path, f'{clip.name}.masks.npz')}"
    yield "edits = ["
    for edit in clip.edits:
        facts = {"name": edit.name, "prompt": edit.prompt, "kind": edit.kind}
        yield f"  {{ {', '.join(f'{key} = {toml_text(fact)}' for key, fact in facts.items())} }},"
    yield "]\n"


def beside(stem: Path, ending: str) -> Path:
    """The file of a clip with this ending, such as `.tracks.npz`."""
    return stem.with_name(stem.name + ending)


def write_arrays(path: Path, **arrays: Shaped[np.ndarray, ...]) -> None:
    """Write a compressed npz file without dates, so that the same arrays give the same bytes."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # Unix, wherever it is written
            archive.writestr(member, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def file_entry(folder: Path, path: str, name: str) -> str:
    """Describe a file as in a manifest: its path below `path`, and its SHA-256."""
    sha256 = file_sha256(folder / name)
    return f"{{ path = {toml_text(f'{path}/{name}')}, sha256 = {toml_text(sha256)} }}"


def toml_text(text: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)
