"""Write the fixed sets: `emoji-wan` for the board, and `emoji-wan-val` for tuning.

    python -m smmbench_datasets.emoji_wan.make

Each set has its manifest next to this file and its clips below `clips/<set>/`. The clips are
lossless H.264 in RGB, which encodes what changes between frames: a third of FFV1's size for the
same pixels. The same seed gives the same pixels on the same machine; elsewhere rounding may differ,
so the files ship with the toolkit. Changing them requires a new `version`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import torch
from av.video.frame import VideoFrame

from smmbench.storage.atomic import atomic_path, write_text
from smmbench.video import Video, read_video
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
from smmbench_datasets.emoji.sampling import Clips as EmojiClips
from smmbench_datasets.emoji.world import World
from smmbench_datasets.emoji_wan.captions import MOTIONS, OBJECTS, PLAIN, SCENES, caption
from smmbench_datasets.emoji_wan.captions import noun_phrase as phrase
from smmbench_datasets.emoji_wan.selection import Choice, Target, choose_clips
from smmbench_datasets.emoji_wan.world import FPS, FRAMES, HEIGHT, WIDTH, Clips, Renderer, compose

HERE = Path(__file__).parent
OPAQUE = 0.5  # alpha above which a pixel shows the object
MODULE = "smmbench_datasets.emoji_wan.make"

SETS = (
    FixedSet(
        "emoji-wan",
        1,
        "Embedded emoji world, graded edits",
        "the clips of the board",
        "test",
        clips_per_motion=4,
        seed=0,
    ),
    FixedSet(
        "emoji-wan-val",
        1,
        "Embedded emoji world, graded edits, validation",
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
seeds = [0, 1]
text_model = "emoji-wan-clip"
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
    generator = torch.Generator().manual_seed(fixed.seed)
    choices = choose_clips(fixed.split, fixed.clips_per_motion, fixed.seed)
    object, scene, motion = torch.tensor([(c.object, c.scene, c.motion) for c in choices]).unbind(1)
    clips = compose(object, scene, motion, torch.full_like(object, PLAIN), generator)
    renderer, world = Renderer(), World()
    place = folder / "clips" / fixed.name
    shutil.rmtree(place, ignore_errors=True)
    lines = list(head(fixed, MODULE, description(fixed), PROTOCOL))
    for index, choice in enumerate(choices):
        clip = clips.take(slice(index, index + 1))
        hashed = _write_clip(renderer, world, clip, place / clip_name(choice), generator)
        lines += entry(fixed_clip(choice), f"clips/{fixed.name}", place, hashed)
    write_text(folder / f"{fixed.name}.toml", "\n".join(lines))


def clip_name(choice: Choice) -> str:
    """Name of a clip: object, scene and family of motion."""
    names = tuple(OBJECTS)[choice.object], tuple(SCENES)[choice.scene]
    return "-".join([*names, tuple(MOTIONS)[choice.motion]])


def write_inter_frame(path: Path, video: Video) -> None:
    """Write lossless H.264 in RGB, in Matroska, as one atomic write.

    Raises:
        ValueError: The written file does not decode to the same pixels.
    """
    with atomic_path(path) as temporary:
        options = {"fflags": "+bitexact"}
        with av.open(str(temporary), "w", format="matroska", options=options) as container:
            stream = container.add_stream(
                "libx264rgb", rate=round(video.fps), options={"qp": "0", "preset": "veryslow"}
            )
            stream.height, stream.width = video.frames.shape[1:3]
            stream.pix_fmt = "rgb24"
            stream.thread_count = 1
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            for image in video.frames:
                frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        if read_video(temporary).pixels_sha256 != video.pixels_sha256:
            raise ValueError(f"'{path}' does not decode to the pixels that were written.")


def as_emoji_clips(clips: Clips) -> EmojiClips:
    """Convert plain clips to the world `emoji`, for its ground truth.

    Raises:
        ValueError: A clip is not plain.
    """
    if (clips.attribute != PLAIN).any():
        raise ValueError("Only plain clips (one object without an attribute) have a ground truth.")
    return EmojiClips(
        object=clips.object,
        scene=clips.scene,
        motion=clips.motion,
        path=clips.path,
        size=clips.size,
        pan=torch.zeros_like(clips.size),
        companion=torch.full_like(clips.object, -1),
        companion_path=clips.path,
        background=clips.background,
    )


def _write_clip(
    renderer: Renderer, world: World, clip: Clips, stem: Path, generator: torch.Generator
) -> str:
    """Write video, tracks and masks of one clip; return the hash of its pixels."""
    frames = (renderer.render(clip)[0] * 255).round().clamp(0, 255).to(torch.uint8)
    video = Video(frames.permute(0, 2, 3, 1).contiguous().numpy(), FPS)
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_inter_frame(beside(stem, ".mkv"), video)
    points, visible = truth.tracks(
        world, as_emoji_clips(clip), OBJECT_POINTS, BACKGROUND_POINTS, generator
    )
    tracks = points[0].numpy().astype(np.float32)
    write_arrays(beside(stem, ".tracks.npz"), tracks=tracks, visible=visible[0].numpy())
    masks = renderer.object_alpha(clip)[0] > OPAQUE
    write_arrays(beside(stem, ".masks.npz"), masks=masks.numpy())
    return video.pixels_sha256


def description(fixed: FixedSet) -> str:
    """The manifest's description of a set."""
    return (
        f"Emoji that move over painted scenes, with graded edits: {fixed.purpose}. Every clip "
        "comes with its ground-truth tracks and masks. Its combination of object, scene and "
        "motion was held out when the models of this world were trained, and so was that of each "
        "answer. Edits change the object, the scene, both, the colour, the size or the number, or "
        "add a second object. Prompts never name the motion."
    )


def fixed_clip(choice: Choice) -> FixedClip:
    """A clip, as the manifest states it."""
    tags = (
        tuple(MOTIONS)[choice.motion],
        tuple(OBJECTS)[choice.object],
        tuple(SCENES)[choice.scene],
    )
    prompt = caption(choice.object, choice.scene)
    return FixedClip(clip_name(choice), prompt, tags, [_edit(one) for one in choice.targets])


def _edit(target: Target) -> FixedEdit:
    words = phrase(target.object, target.attribute).split()
    named = [word for word in words if word not in ("a", "an", "and")]
    name = "-".join([*named, tuple(SCENES)[target.scene]])
    prompt = caption(target.object, target.scene, None, target.attribute)
    return FixedEdit(name, prompt, target.kind)


if __name__ == "__main__":
    main()
