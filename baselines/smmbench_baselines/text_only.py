"""Text-to-video generation alone: it uses the prompt, and only the source's size and length.

Its motion is unrelated to the source, and its text similarity near the best achievable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import BACKBONES, EMOJI, EMOJI_WAN, DiffusionParameters
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.support import EVERYWHERE
from smmbench.method import Card, Source
from smmbench.video import Video


class TextOnly(DiffusionMethod[DiffusionParameters, Prepared]):
    """Samples the target prompt from noise, with the source's length, size and frame rate."""

    Parameters = DiffusionParameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "emoji": EMOJI,
        "emoji-wan": EMOJI_WAN,
    }
    families = EVERYWHERE
    card = Card(
        title="Text to video, unguided",
        kind="baseline",
        licence="Apache-2.0",
        notes="Receives no pixel of the source.",
        backbone=BACKBONES,
        values="those of SMM",
        tuned="not tunable",
    )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Create empty latents of the clips' size."""
        self.note_padding(sources)
        shapes = [self.backbone.latent_shape(one.video.frames.shape[:3]) for one in sources]
        empty = torch.stack([torch.zeros(shape, device=self.backbone.device) for shape in shapes])
        return one_by_one(empty, sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample from noise."""
        schedule = self.backbone.schedule
        x = sample(
            schedule,
            self.denoise(self.embed(prompts)),
            noise(together(prepared), generators(seeds)),
            schedule.timesteps(self.parameters.steps),
        )
        return self.videos(x, timings(prepared))
