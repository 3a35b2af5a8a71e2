"""SDEdit on video: noise the clip part of the way, then denoise it with the target prompt.

Meng et al., ICLR 2022 (arXiv 2108.01073), with each frame of the latent noised on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, rates, together
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import EMOJI, SEARCHED, UNETS, DiffusionParameters
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.schedule import Prediction
from smmbench.method import Card, Source
from smmbench.method.search_space import Range, Space
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of SDEdit."""

    strength: float = 0.75  # noise up to this share of T: low keeps motion, high follows the text

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength must be 0 to 1, got {self.strength}.")


class SDEdit(DiffusionMethod[Parameters, Prepared]):
    """Denoises the partly noised clip; strength 0 is the autoencoder's round trip."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "emoji": {**EMOJI, "strength": 0.95},
    }
    search: ClassVar[Mapping[str, Space]] = {"strength": Range(0.3, 0.95)}
    card = Card(
        title="SDEdit",
        kind="baseline",
        paper="Meng et al., ICLR 2022, https://arxiv.org/abs/2108.01073",
        licence="Apache-2.0",
        notes="Starts at the noisiest sampling timestep of at most strength x T.",
        backbone=UNETS,
        original="image diffusion (score-based SDEs)",
        values="the middle of what the SMM paper tries, t from .6 T to .99 T",
        tuned=SEARCHED,
    )

    def check_model(self) -> None:
        """Refuse a strength that no timestep has: the clip itself would pass for an edit."""
        strength, steps = self.parameters.strength, self.parameters.steps
        if strength and not self._timesteps():
            least = self.backbone.schedule.timesteps(steps)[-1] / self.backbone.schedule.length
            raise ValueError(
                f"strength {strength:g} is below the cleanest of {steps} steps, {least:.3g}: "
                "nothing would be noised. Take more steps, or strength=0 for the round trip."
            )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode the clips."""
        return one_by_one(self.encode(sources), sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Noise and denoise."""
        schedule, x = self.backbone.schedule, together(prepared)
        timesteps = self._timesteps()
        if timesteps:
            eps = noise(x, generators(seeds))
            x = schedule.at(timesteps[0], Prediction(x0=x, eps=eps))
            x = sample(schedule, self.denoise(self.embed(prompts)), x, timesteps)
        return self.videos(x, rates(prepared))

    def _timesteps(self) -> list[int]:
        """Those of the sampling that are no noisier than the strength allows."""
        schedule, strength = self.backbone.schedule, self.parameters.strength
        if not strength:
            return []
        limit = strength * schedule.length
        return [t for t in schedule.timesteps(self.parameters.steps) if t <= limit]
