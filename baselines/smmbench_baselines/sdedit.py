"""SDEdit on video: noise the clip part of the way, then denoise it with the target prompt.

Meng et al., ICLR 2022 (arXiv 2108.01073), with independent noise in each frame of the latent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from typing_extensions import Doc

from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import (
    BACKBONES,
    BEGINNING,
    EMOJI,
    EMOJI_WAN,
    SEARCHED,
    DiffusionParameters,
    check_levels,
)
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.schedule import Prediction, Timestep, within
from smmbench.diffusion.support import EVERYWHERE
from smmbench.method import Card, Source
from smmbench.method.search_space import Range, Space
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of SDEdit."""

    noise_level: Annotated[
        float, Doc("Noise level of the clip: low keeps motion, high follows the text.")
    ] = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_levels(self, "noise_level")


class SDEdit(DiffusionMethod[Parameters, Prepared]):
    """Denoises the partly noised clip; noise level 0 is the autoencoder's round trip."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "emoji": {**EMOJI, "noise_level": 0.97},
        "emoji-wan": {**EMOJI_WAN, "noise_level": 0.85},
    }
    search: ClassVar[Mapping[str, Space]] = {"noise_level": Range(0.45, 0.97)}
    families = EVERYWHERE
    card = Card(
        title="SDEdit",
        kind="baseline",
        paper="Meng et al., ICLR 2022, https://arxiv.org/abs/2108.01073",
        licence="Apache-2.0",
        notes="Starts at the noisiest sampling step of at most this noise level.",
        backbone=BACKBONES,
        original="image diffusion (score-based SDEs)",
        values="middle of the SMM paper's range, .6 T to .99 T; .8 is .75 T of ZeroScope",
        tuned=f"{SEARCHED}; {BEGINNING}",
    )

    def check_model(self) -> None:
        """Reject a noise level below every step: the clip itself would pass as an edit."""
        level, schedule = self.parameters.noise_level, self.backbone.schedule
        if level and not self._timesteps():
            steps = self.parameters.steps
            least = schedule.noise_level(schedule.timesteps(steps)[-1])
            raise ValueError(
                f"noise_level {level:g} is below the cleanest of {steps} steps, {least:.3g}: "
                "nothing would be noised. Take more steps, or noise_level=0 for the round trip."
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
            x = schedule.at(timesteps[0], Prediction(x0=x, noise=eps))
            x = sample(schedule, self.denoise(self.embed(prompts)), x, timesteps)
        return self.videos(x, timings(prepared))

    def _timesteps(self) -> tuple[Timestep, ...]:
        """The timesteps of sampling that are no noisier than the noise level allows."""
        schedule, level = self.backbone.schedule, self.parameters.noise_level
        return (
            within(schedule, schedule.timesteps(self.parameters.steps), level, 0.0) if level else ()
        )
