"""Sources of every family, outputs derived from their motion, and the tracks of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool

from smmbench.tracking import Tracks, open_tracker
from smmbench.video import Video
from smmbench_datasets.emoji.corruptions import Output, outputs
from smmbench_datasets.emoji.dressing import CAMERA, draw_source, dressed
from smmbench_datasets.emoji.make import to_video
from smmbench_datasets.emoji.motions import MOTIONS
from smmbench_datasets.emoji.world import World
from smmbench_research.emoji.validation.known import known_grid

FAMILIES = (*MOTIONS, CAMERA)
KNOWN, TREMBLING = "known", "known, trembling"
TRACKERS = (KNOWN, TREMBLING, "lucas-kanade", "dis")
TREMBLE = 0.15  # pixels: standard deviation of each coordinate, frame by frame


@dataclass(frozen=True, eq=False)
class Tracked:
    """A rendered clip that was tracked from one grid.

    Attributes:
        name: Name of the output, or `source`.
        ladder: Ladder of the output.
        level: Level of the output on its ladder.
        tracks: Tracks by name of the tracker.
        on_object: Which points begin on an object.
    """

    name: str
    ladder: str
    level: float
    tracks: dict[str, Tracks]
    on_object: Bool[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Case:
    """A source with all outputs derived from its motion.

    Attributes:
        family: Family of its motion.
        source: The clip.
        outputs: Clips of another object in another scene.
    """

    family: str
    source: Tracked
    outputs: tuple[Tracked, ...]


def draw_cases(
    family: str, clips: int, grid: int, trackers: tuple[str, ...], seed: int
) -> Iterator[Case]:
    """Render and track sources of one family and the outputs derived from them.

    The same seed gives the same frames, whatever the grid, the trackers and the other families.
    """
    world = World()
    generator = torch.Generator().manual_seed(1000 * seed + FAMILIES.index(family))
    for _ in range(clips):
        source = draw_source(world, family, generator)
        made = [
            replace(output, clip=dressed(world, output.clip, generator))
            for output in outputs(source, family, generator)
        ]
        noise = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        first = Output("source", "", 0, source)
        followed = [_followed(world, each, grid, trackers, noise) for each in (first, *made)]
        yield Case(family, followed[0], tuple(followed[1:]))


def _followed(
    world: World,
    output: Output,
    grid: int,
    trackers: tuple[str, ...],
    noise: np.random.Generator,
) -> Tracked:
    truth, on_object = known_grid(world, output.clip, grid)
    video = _noisy(to_video(world.render(output.clip)[0]), output.noise, noise)
    tremble = noise.normal(0, TREMBLE, truth.points.shape).astype(np.float32)
    tracks = {KNOWN: truth, TREMBLING: Tracks(truth.points + tremble, truth.visible)}
    for name in trackers:
        if name not in tracks:
            tracks[name] = open_tracker(name, grid, "cpu").track(video)
    chosen = {name: tracks[name] for name in trackers}
    return Tracked(output.name, output.ladder, output.level, chosen, on_object.numpy())


def _noisy(video: Video, deviation: float, noise: np.random.Generator) -> Video:
    if not deviation:
        return video
    pixels = video.frames + noise.normal(0, deviation, video.frames.shape)
    return Video(pixels.round().clip(0, 255).astype(np.uint8), video.fps)
