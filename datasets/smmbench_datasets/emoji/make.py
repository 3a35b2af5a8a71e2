"""Write the fixed sets: `emoji` for the board, and `emoji-val` to tune on.

    python -m smmbench_datasets.emoji.make

Each set has its manifest beside this file and its clips below `clips/<set>/`. The same seed gives
the same files on the same machine; another processor, or another release of PyTorch, FFmpeg or
zlib, may round a pixel to the next level or pack it otherwise. So the files ship with the toolkit,
and everyone has the same bytes. A change of them needs a new `version`.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from smmbench.storage.atomic import atomic_path, write_text
from smmbench.storage.home import file_sha256
from smmbench.video import Video, write_lossless
from smmbench_datasets.emoji import truth
from smmbench_datasets.emoji.selection import Choice, Target, choose_clips
from smmbench_datasets.emoji.world import FPS, FRAMES, HEIGHT, WIDTH, Clips, Split, World

HERE = Path(__file__).parent
OBJECT_POINTS, BACKGROUND_POINTS = 150, 250
LICENCE = "Apache-2.0 AND OFL-1.1"
ATTRIBUTION = (
    "The smmbench authors; the sprite is from Noto Color Emoji 2.042, "
    "Copyright 2022 Google Inc., SIL Open Font License 1.1"
)


@dataclass(frozen=True)
class FixedSet:
    """What a set is made from."""

    name: str
    version: int
    title: str
    purpose: str
    split: Split
    clips_per_motion: int
    seed: int


SETS = (
    FixedSet(
        "emoji",
        1,
        "Embedded emoji world",
        "the clips of the board",
        "test",
        clips_per_motion=2,
        seed=0,
    ),
    FixedSet(
        "emoji-val",
        1,
        "Embedded emoji world, validation",
        "to tune methods on, never for the board",
        "val",
        clips_per_motion=1,
        seed=1,
    ),
)

PROTOCOL = f"""\
[protocol]
version = 2
frames = {FRAMES}
width = {WIDTH}
height = {HEIGHT}
fps = {FPS}
seeds = [0, 1, 2]
text_model = "emoji-clip"
tracker = "dis"
grid = 30
still_threshold = 0.5
"""


def main(folder: Path = HERE) -> None:
    """Write all sets into `folder`; clips that were there are removed."""
    for each in SETS:
        write_set(each, folder)


def write_set(fixed: FixedSet, folder: Path) -> None:
    """Write the clips of one set and, last, its manifest."""
    world, generator = World(), torch.Generator().manual_seed(fixed.seed)
    choices = choose_clips(fixed.split, fixed.clips_per_motion, fixed.seed)
    object, scene, motion = torch.tensor([(c.object, c.scene, c.motion) for c in choices]).unbind(1)
    clips = world.compose(object, scene, motion, generator)
    place = folder / "clips" / fixed.name
    shutil.rmtree(place, ignore_errors=True)
    lines = list(_head(fixed))
    for index, choice in enumerate(choices):
        hashed = _write_clip(
            world, clips.take(slice(index, index + 1)), place / clip_name(choice), generator
        )
        lines += _entry(world, choice, f"clips/{fixed.name}", place, hashed)
    write_text(folder / f"{fixed.name}.toml", "\n".join(lines))


def clip_name(choice: Choice) -> str:
    """Name of a clip: its object and the family of its motion."""
    return f"{World.objects[choice.object]}-{World.motions[choice.motion]}"


def to_video(frames: Float[Tensor, "time 3 height width"]) -> Video:
    """Rendered frames, 0 to 1, as 8 bit."""
    pixels = (frames * 255).round().clamp(0, 255).to(torch.uint8)
    return Video(pixels.permute(0, 2, 3, 1).contiguous().numpy(), FPS)


def write_arrays(path: Path, **arrays: Shaped[np.ndarray, ...]) -> None:
    """Write a compressed npz file without dates, so that the same arrays give the same bytes."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # Unix, wherever it is written
            archive.writestr(member, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def _write_clip(world: World, clip: Clips, stem: Path, generator: torch.Generator) -> str:
    """Write video, tracks and masks of a single clip; gives the hash of its pixels."""
    video = to_video(world.render(clip)[0])
    write_lossless(beside(stem, ".mkv"), video)
    points, visible = truth.tracks(world, clip, OBJECT_POINTS, BACKGROUND_POINTS, generator)
    write_arrays(beside(stem, ".tracks.npz"), tracks=points[0].numpy(), visible=visible[0].numpy())
    write_arrays(beside(stem, ".masks.npz"), masks=truth.masks(world, clip)[0].numpy())
    return video.pixels_sha256


def beside(stem: Path, ending: str) -> Path:
    """The file of a clip with this ending, such as `.tracks.npz`."""
    return stem.with_name(stem.name + ending)


def _head(fixed: FixedSet) -> Iterator[str]:
    yield "# Written by `python -m smmbench_datasets.emoji.make`; edit make.py or selection.py."
    yield f"name = {toml_text(fixed.name)}"
    yield f"version = {fixed.version}"
    yield f"title = {toml_text(fixed.title)}"
    yield f"description = {toml_text(_description(fixed))}"
    yield f"licence = {toml_text(LICENCE)}"
    if fixed.split == "val":
        yield 'purpose = "validation"'
    yield f"\n{PROTOCOL}"


def _description(fixed: FixedSet) -> str:
    return (
        f"Emoji that move over painted scenes: {fixed.purpose}. Every clip comes with true tracks "
        "and masks. Its combination of object, scene and motion was held out when the models of "
        "this world were trained, and so was each answer: the target's object and scene with the "
        "source's motion. Prompts never name the motion."
    )


def _entry(world: World, choice: Choice, path: str, folder: Path, pixels: str) -> Iterator[str]:
    name = clip_name(choice)
    tags = (
        world.motions[choice.motion],
        world.objects[choice.object],
        world.scenes[choice.scene],
    )
    yield "[[clips]]"
    yield f"name = {toml_text(name)}"
    yield f"video = {file_entry(folder, path, f'{name}.mkv')}"
    yield f"pixels_sha256 = {toml_text(pixels)}"
    yield f"prompt = {toml_text(world.caption(choice.object, choice.scene))}"
    yield f"licence = {toml_text(LICENCE)}"
    yield f"attribution = {toml_text(ATTRIBUTION)}"
    yield f"tags = [{', '.join(toml_text(tag) for tag in tags)}]"
    yield f"tracks = {file_entry(folder, path, f'{name}.tracks.npz')}"
    yield f"masks = {file_entry(folder, path, f'{name}.masks.npz')}"
    yield "edits = ["
    for target in choice.targets:
        yield f"  {_edit(world, target)},"
    yield "]\n"


def _edit(world: World, target: Target) -> str:
    name = f"{world.objects[target.object]}-{world.scenes[target.scene]}"
    prompt = world.caption(target.object, target.scene)
    facts = {"name": name, "prompt": prompt, "kind": target.kind}
    return f"{{ {', '.join(f'{key} = {toml_text(fact)}' for key, fact in facts.items())} }}"


def file_entry(folder: Path, path: str, name: str) -> str:
    """Write a file as a manifest states it: its path below `path`, and its SHA-256."""
    sha256 = file_sha256(folder / name)
    return f"{{ path = {toml_text(f'{path}/{name}')}, sha256 = {toml_text(sha256)} }}"


def toml_text(text: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    main()
