"""Inversion and prompt swap: invert with the source's caption, sample with the target's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from typing_extensions import Doc

from smmbench.diffusion.inversion import inversion_timesteps, invert
from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.parameters import (
    BACKBONES,
    BEGINNING,
    EMOJI,
    EMOJI_WAN,
    SEARCHED,
    DiffusionParameters,
    refuse_below,
)
from smmbench.diffusion.sampling import sample
from smmbench.diffusion.support import EVERYWHERE
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, Space
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of inversion with prompt swap."""

    inversion_steps: Annotated[int, Doc("Steps of the source's inversion.")] = 999
    inversion_refinements: Annotated[
        int, Doc("Refinements of each inversion step; see `invert`.")
    ] = 0
    inversion_prompt: Annotated[
        bool, Doc("Invert with the source's caption instead of an empty prompt.")
    ] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_below(self, 1, "inversion_steps")
        refuse_below(self, 0, "inversion_refinements")


class InversionSwap(DiffusionMethod[Parameters, Prepared]):
    """Samples from the clip's own noise without random numbers: all seeds give the same video."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "emoji": {**EMOJI, "inversion_steps": 25, "inversion_prompt": False},
        "emoji-wan": {
            **EMOJI_WAN,
            "inversion_steps": 30,
            "inversion_refinements": 2,
            "inversion_prompt": True,
        },
    }
    deterministic = True
    search: ClassVar[Mapping[str, Space]] = {
        "inversion_steps": Choices(25, 50, 100, 200),
        "inversion_prompt": Choices(True, False),
    }
    families = EVERYWHERE
    card = Card(
        title="Inversion and prompt swap",
        kind="baseline",
        paper="Song et al., ICLR 2021, https://arxiv.org/abs/2010.02502",
        licence="Apache-2.0",
        notes=(
            "Deterministic: seeds make no difference. DDIM inversion on diffusion models, Euler "
            "steps backwards on flows."
        ),
        backbone=BACKBONES,
        original="image diffusion",
        values="inversion and sampling of SMM",
        tuned=f"{SEARCHED}; {BEGINNING}",
    )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode the clips and invert them to the timestep at which sampling starts."""
        schedule, parameters = self.backbone.schedule, self.parameters
        first = schedule.timesteps(parameters.steps)[0]
        timesteps = inversion_timesteps(schedule, parameters.inversion_steps, [first])
        captions = [source.prompt if parameters.inversion_prompt else "" for source in sources]
        inverted = invert(
            self.backbone.denoiser,
            self.encode(sources),
            self.backbone.embed(captions),
            [t for t in timesteps if t <= first],
            keep=[first],
            refinements=parameters.inversion_refinements,
        )
        return one_by_one(inverted[first], sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample with the target prompts."""
        schedule = self.backbone.schedule
        x = sample(
            schedule,
            self.denoise(self.embed(prompts)),
            together(prepared),
            schedule.timesteps(self.parameters.steps),
        )
        return self.videos(x, timings(prepared))
