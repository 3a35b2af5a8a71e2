"""Write the fixed sets: `emoji` for the board, and `emoji-val` for tuning.

    python -m smmbench_datasets.emoji.make

Each set has its manifest next to this file and its clips below `clips/<set>/`. The same seed gives
the same files on the same machine; another processor, or another release of PyTorch, FFmpeg or
zlib, may round a pixel to the next level or compress it differently. The files therefore ship with
the toolkit, so that everyone has the same bytes. Changing them requires a new `version`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from smmbench.storage.atomic import write_text
from smmbench.video import Video, write_lossless
from smmbench_datasets.emoji import truth
from smmbench_datasets.emoji.fixed_sets import (
    BACKGROUND_POINTS,
    OBJECT_POINTS,
    FixedClip,
    FixedEdit,
    FixedSet,
    beside,
    entry,
    head,
    write_arrays,
)
from smmbench_datasets.emoji.selection import Choice, Target, choose_clips
from smmbench_datasets.emoji.world import FPS, FRAMES, HEIGHT, WIDTH, Clips, World

HERE = Path(__file__).parent
MODULE = "smmbench_datasets.emoji.make"

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
    """Write all sets into `folder`; existing clips are removed."""
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
    lines = list(head(fixed, MODULE, description(fixed), PROTOCOL))
    for index, choice in enumerate(choices):
        hashed = _write_clip(
            world, clips.take(slice(index, index + 1)), place / clip_name(choice), generator
        )
        lines += entry(fixed_clip(world, choice), f"clips/{fixed.name}", place, hashed)
    write_text(folder / f"{fixed.name}.toml", "\n".join(lines))


def clip_name(choice: Choice) -> str:
    """Name of a clip: its object and the family of its motion."""
    return f"{World.objects[choice.object]}-{World.motions[choice.motion]}"


def to_video(frames: Float[Tensor, "time 3 height width"]) -> Video:
    """Convert rendered frames, 0 to 1, to an 8-bit video."""
    pixels = (frames * 255).round().clamp(0, 255).to(torch.uint8)
    return Video(pixels.permute(0, 2, 3, 1).contiguous().numpy(), FPS)


def _write_clip(world: World, clip: Clips, stem: Path, generator: torch.Generator) -> str:
    """Write video, tracks and masks of one clip; return the hash of its pixels."""
    video = to_video(world.render(clip)[0])
    write_lossless(beside(stem, ".mkv"), video)
    points, visible = truth.tracks(world, clip, OBJECT_POINTS, BACKGROUND_POINTS, generator)
    write_arrays(beside(stem, ".tracks.npz"), tracks=points[0].numpy(), visible=visible[0].numpy())
    write_arrays(beside(stem, ".masks.npz"), masks=truth.masks(world, clip)[0].numpy())
    return video.pixels_sha256


def description(fixed: FixedSet) -> str:
    """The manifest's description of a set."""
    return (
        f"Emoji that move over painted scenes: {fixed.purpose}. Every clip comes with true tracks "
        "and masks. Its combination of object, scene and motion was held out when the models of "
        "this world were trained, and so was each answer: the target's object and scene with the "
        "source's motion. Prompts never name the motion."
    )


def fixed_clip(world: World, choice: Choice) -> FixedClip:
    """A clip, as the manifest states it."""
    tags = world.motions[choice.motion], world.objects[choice.object], world.scenes[choice.scene]
    prompt = world.caption(choice.object, choice.scene)
    edits = [_edit(world, target) for target in choice.targets]
    return FixedClip(clip_name(choice), prompt, tags, edits)


def _edit(world: World, target: Target) -> FixedEdit:
    name = f"{world.objects[target.object]}-{world.scenes[target.scene]}"
    return FixedEdit(name, world.caption(target.object, target.scene), target.kind)


if __name__ == "__main__":
    main()
