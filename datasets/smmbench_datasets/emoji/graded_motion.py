"""Rendered clips with known similarity of motion, for `smmbench validate --data emoji`.

The motion of each source is rendered again with another object in another scene: unchanged, and
corrupted in known levels. Another family's motion is added, also with exactly the appearance of the
source (`look-alike`). What is better is known from how a video was made, not from a measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Protocol

import numpy as np
import torch

from smmbench.dataset import Protocol as DatasetProtocol
from smmbench.dataset import load_dataset
from smmbench.graded.types import Graded, GradedSource, GradedVideo, Order
from smmbench.video import Video
from smmbench_datasets import emoji_manifest
from smmbench_datasets.emoji import truth
from smmbench_datasets.emoji.corruptions import NOISES, Output, outputs
from smmbench_datasets.emoji.dressing import CAMERA, draw_source, dressed, with_motion_of
from smmbench_datasets.emoji.fixed_sets import BACKGROUND_POINTS, OBJECT_POINTS
from smmbench_datasets.emoji.make import to_video
from smmbench_datasets.emoji.motions import MOTIONS
from smmbench_datasets.emoji.sampling import Clips
from smmbench_datasets.emoji.world import World

CLIPS = 2  # of each family
KEPT, LOOK_ALIKE, OTHER = "kept", "look-alike", "other motion"
STILL, NOISE = "still source", "noise"
NEGATIVES = (LOOK_ALIKE, OTHER)
CONTROLS = ("frozen", "shuffled", STILL, NOISE, LOOK_ALIKE, OTHER)
ONE_WAY = ("right", "left", "up", "down", "stop-and-go", "approach", "recede", "pan")
"""Families that become another motion when reversed; a swing or a circle hardly changes."""
NOTES = (
    "Known from how the videos were rendered: 'kept' has the source's motion with another look.",
    "Small rendered clips of one object before a painted scene; they do not represent real video.",
)


class MovingWorld(Protocol):
    """The interface of a world of rendered clips."""

    families: tuple[str, ...]

    def draw(self, family: str, generator: torch.Generator) -> Clips:
        """Draw one clip of a family of motion."""

    def dress(self, clip: Clips, generator: torch.Generator) -> Clips:
        """The same motion with another appearance."""

    def render(self, clip: Clips) -> Video:
        """Its video."""

    def caption(self, clip: Clips) -> str:
        """What the clip shows, without its motion."""

    def arrays(self, clip: Clips, generator: torch.Generator) -> Mapping[str, np.ndarray]:
        """Ground-truth tracks and masks, in the format of a dataset's files."""


class EmojiWorld:
    """The world `emoji`, with one more family: a camera that pans while an object moves."""

    families = (*MOTIONS, CAMERA)

    def __init__(self) -> None:
        self._world = World()

    def draw(self, family: str, generator: torch.Generator) -> Clips:
        """Draw one clip of a family of motion."""
        return draw_source(self._world, family, generator)

    def dress(self, clip: Clips, generator: torch.Generator) -> Clips:
        """The same motion with another object and another scene."""
        return dressed(self._world, clip, generator)

    def render(self, clip: Clips) -> Video:
        """Its video."""
        return to_video(self._world.render(clip)[0])

    def caption(self, clip: Clips) -> str:
        """Object and scene."""
        return self._world.caption(int(clip.object[0]), int(clip.scene[0]))

    def arrays(self, clip: Clips, generator: torch.Generator) -> Mapping[str, np.ndarray]:
        """Ground-truth tracks of points on object and background, and masks of the object."""
        points, seen = truth.tracks(self._world, clip, OBJECT_POINTS, BACKGROUND_POINTS, generator)
        masks = truth.masks(self._world, clip)[0].numpy()
        return {"tracks": points[0].numpy(), "visible": seen[0].numpy(), "masks": masks}


def graded_emoji(clips: int | None = None) -> Graded:
    """Graded videos of the world `emoji`, with `clips` sources for each of 16 families (2)."""
    protocol = load_dataset(str(emoji_manifest())).manifest.protocol
    return graded_motion("emoji", EmojiWorld(), protocol, clips)


def graded_motion(
    name: str,
    world: MovingWorld,
    protocol: DatasetProtocol,
    clips: int | None = None,
    families: Sequence[str] = (),
    seed: int = 0,
) -> Graded:
    """Draw sources of each family, and derive all graded outputs from their motion.

    Args:
        name: Name of the world.
        world: The world that draws and renders.
        protocol: Form of the clips, tracker and text model.
        clips: Number of sources per family; None for 2.
        families: Use only these families; empty for all of the world.
        seed: Seed of all draws; a family's videos do not depend on which others are drawn.
    """
    sources = [
        source
        for family in families or world.families
        for source in _of_family(world, protocol, family, clips or CLIPS, seed)
    ]
    return Graded(name, "known motion", tuple(sources), KEPT, NEGATIVES, CONTROLS, NOTES)


def _of_family(
    world: MovingWorld, protocol: DatasetProtocol, family: str, clips: int, seed: int
) -> Iterator[GradedSource]:
    place = world.families.index(family)
    generator = torch.Generator().manual_seed(1000 * seed + place)
    for number in range(clips):
        clip = world.draw(family, generator)
        rivals = [one for one in world.families if one != family]
        rival = world.draw(rivals[(5 * place + 7 * number) % len(rivals)], generator)
        made = {one.name: one for one in _outputs(world, clip, family, rival, generator)}
        fixed = int(torch.randint(2**31, (1,), generator=generator))
        videos = {
            known.name: _video(world, known, fixed + place)
            for place, known in enumerate(made.values())
        }
        name = f"{family}-{number}"
        videos[STILL] = GradedVideo(world.caption(clip), partial(_still, world, clip))
        videos[NOISE] = GradedVideo(videos[KEPT].prompt, partial(_noise, world, clip, fixed))
        yield GradedSource(
            name,
            name,
            protocol,
            partial(world.render, clip),
            videos,
            tuple(_orders(made, family)),
            world.caption(clip),
            world.arrays(clip, generator),
        )


def _outputs(
    world: MovingWorld, clip: Clips, family: str, rival: Clips, generator: torch.Generator
) -> Iterator[Output]:
    for output in outputs(clip, family, generator):
        if output.name not in ("object lost", "elsewhere"):
            yield replace(output, clip=world.dress(output.clip, generator))
    alike = replace(with_motion_of(clip, rival), companion=rival.companion)
    yield Output(LOOK_ALIKE, "", 0, alike)
    yield Output(OTHER, "", 0, world.dress(rival, generator))


def _orders(made: Mapping[str, Output], family: str) -> Iterator[Order]:
    """Which output is known to be better, from how the videos were made."""
    for name in NEGATIVES:
        yield Order(KEPT, name, name)
    if family in ONE_WAY:
        yield Order(KEPT, "reversed", "reversed")
    for noise in NOISES:
        yield Order(f"kept, noise {noise:g}", f"frozen, noise {noise:g}", "under noise")
    for ladder in dict.fromkeys(one.ladder for one in made.values() if one.ladder):
        steps = [made[KEPT], *(one for one in made.values() if one.ladder == ladder)]
        for better, worse in combinations(sorted(steps, key=lambda one: one.level), 2):
            yield Order(better.name, worse.name, ladder)


def _video(world: MovingWorld, output: Output, seed: int) -> GradedVideo:
    load = partial(_rendered, world, output.clip, output.noise, seed)
    return GradedVideo(world.caption(output.clip), load)


def _rendered(world: MovingWorld, clip: Clips, deviation: float, seed: int) -> Video:
    video = world.render(clip)
    if not deviation:
        return video
    noise = np.random.default_rng(seed).normal(0, deviation, video.frames.shape)
    return Video((video.frames + noise).round().clip(0, 255).astype(np.uint8), video.fps)


def _still(world: MovingWorld, clip: Clips) -> Video:
    """The source's first frame, repeated."""
    video = world.render(clip)
    return Video(np.repeat(video.frames[:1], len(video.frames), axis=0), video.fps)


def _noise(world: MovingWorld, clip: Clips, seed: int) -> Video:
    """Random pixels, independent in each frame."""
    video = world.render(clip)
    frames = np.random.default_rng(seed).integers(0, 256, video.frames.shape, dtype=np.uint8)
    return Video(frames, video.fps)
