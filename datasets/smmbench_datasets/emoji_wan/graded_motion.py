"""Rendered clips with known similarity of motion, for `smmbench validate --data emoji-wan`.

As in the world `emoji`, with 17 frames; all looks are plain: one object in its natural colour.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from smmbench.dataset import load_dataset
from smmbench.graded.types import Graded
from smmbench.video import Video
from smmbench_datasets import emoji_wan_manifest
from smmbench_datasets.emoji import truth
from smmbench_datasets.emoji.dressing import with_motion_of
from smmbench_datasets.emoji.fixed_sets import BACKGROUND_POINTS, OBJECT_POINTS
from smmbench_datasets.emoji.graded_motion import graded_motion
from smmbench_datasets.emoji.sampling import Clips as EmojiClips
from smmbench_datasets.emoji.world import World
from smmbench_datasets.emoji_wan.captions import MOTIONS, OBJECTS, PLAIN, SCENES, caption
from smmbench_datasets.emoji_wan.make import OPAQUE, as_emoji_clips
from smmbench_datasets.emoji_wan.world import FPS, Clips, Renderer, compose


class EmojiWanWorld:
    """The world `emoji-wan`."""

    families = tuple(MOTIONS)

    def __init__(self) -> None:
        self._renderer, self._world = Renderer(), World()

    def draw(self, family: str, generator: torch.Generator) -> EmojiClips:
        """Draw one clip of a family of motion, with a plain object."""
        object, scene = (
            torch.randint(len(kinds), (1,), generator=generator) for kinds in (OBJECTS, SCENES)
        )
        return self._composed(object, scene, self.families.index(family), generator)

    def dress(self, clip: EmojiClips, generator: torch.Generator) -> EmojiClips:
        """The same motion with another object and another scene."""
        other, scene = (
            (index + 1 + torch.randint(len(kinds) - 1, (1,), generator=generator)) % len(kinds)
            for index, kinds in ((clip.object, OBJECTS), (clip.scene, SCENES))
        )
        look = self._composed(other, scene, int(clip.motion[0]), generator)
        return with_motion_of(look, clip)

    def render(self, clip: EmojiClips) -> Video:
        """Its video."""
        frames = (self._renderer.render(_plain(clip))[0] * 255).round().clamp(0, 255)
        return Video(frames.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy(), FPS)

    def caption(self, clip: EmojiClips) -> str:
        """Object and scene."""
        return caption(int(clip.object[0]), int(clip.scene[0]))

    def arrays(self, clip: EmojiClips, generator: torch.Generator) -> Mapping[str, np.ndarray]:
        """Ground-truth tracks of points on object and background, and masks of the object."""
        points, seen = truth.tracks(self._world, clip, OBJECT_POINTS, BACKGROUND_POINTS, generator)
        masks = (self._renderer.object_alpha(_plain(clip))[0] > OPAQUE).numpy()
        return {"tracks": points[0].numpy(), "visible": seen[0].numpy(), "masks": masks}

    @staticmethod
    def _composed(
        object: torch.Tensor, scene: torch.Tensor, motion: int, generator: torch.Generator
    ) -> EmojiClips:
        family, plain = torch.tensor([motion]), torch.tensor([PLAIN])
        return as_emoji_clips(compose(object, scene, family, plain, generator))


def graded_emoji_wan(clips: int | None = None) -> Graded:
    """Graded videos of the world `emoji-wan`, with `clips` sources for each of 13 families (2)."""
    protocol = load_dataset(str(emoji_wan_manifest())).manifest.protocol
    return graded_motion("emoji-wan", EmojiWanWorld(), protocol, clips)


def _plain(clip: EmojiClips) -> Clips:
    """The clip in the format of this world."""
    return Clips(
        object=clip.object,
        scene=clip.scene,
        motion=clip.motion,
        attribute=torch.full_like(clip.object, PLAIN),
        path=clip.path,
        size=clip.size,
        other=torch.full_like(clip.object, -1),
        other_path=clip.path,
        background=clip.background,
    )
