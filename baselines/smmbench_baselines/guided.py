"""Base class of guided baselines: a clip prepared as named tensors, and sampling from noise.

Such a method defines what it extracts from the clip (`refer`) and the distance of a latent from it
(`losses`); its schedule guides either the latent (`guide`) or the prediction (`stepping`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.guidance import descend, loss_scale
from smmbench.diffusion.method import DiffusionMethod, Timing
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import DiffusionParameters, refuse_below
from smmbench.diffusion.sampling import Denoise, Guide, sample_guided
from smmbench.diffusion.schedule import Timestep, check_window, within
from smmbench.method import Source
from smmbench.video import Video

ParametersT = TypeVar("ParametersT", bound=DiffusionParameters)
Reference = dict[str, Shaped[Tensor, "batch ..."]]


@dataclass(frozen=True, eq=False)
class Referred:
    """The reference of guidance for one clip.

    Attributes:
        reference: Named tensors, each a batch of one.
        like: The clip's latent; only its shape and device matter.
        timing: Timing of the clip.
    """

    reference: Reference
    like: Float[Tensor, "1 channel time rows columns"]
    timing: Timing


class ReferenceGuided(DiffusionMethod[ParametersT, Referred], Generic[ParametersT]):
    """Samples from noise; the clip enters only through guidance."""

    @abstractmethod
    def refer(self, x: Latent, sources: Sequence[Source]) -> Reference:
        """Compute the reference of clips of one size, without gradients.

        Args:
            x: The encoded clips.
            sources: The same clips.
        """

    @abstractmethod
    def losses(
        self, x: Latent, t: Timestep, text: Text, reference: Reference
    ) -> Float[Tensor, " batch"]:
        """Distance of latents at timestep t from the reference, one value per sample."""

    def timesteps(self) -> tuple[Timestep, ...]:
        """The timesteps of the sampling, noisiest first."""
        return self.backbone.schedule.timesteps(self.parameters.steps)

    def guide(self, text: Text, reference: Reference) -> Guide:
        """Update the latent before each step; by default, do nothing."""
        return lambda x, t: x

    def stepping(self, text: Text, reference: Reference) -> Denoise:
        """Return the denoiser of each step, by default with classifier-free guidance."""
        return self.denoise(text)

    @torch.no_grad()
    def prepare_batch(self, sources: Sequence[Source]) -> list[Referred]:
        """Encode the clips and compute their references."""
        x = self.encode(sources)
        reference = self.refer(x, sources)
        return [
            Referred({name: part[[i]] for name, part in reference.items()}, x[[i]], Timing.of(one))
            for i, one in enumerate(sources)
        ]

    def transfer_batch(
        self, prepared: Sequence[Referred], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample the target prompts from noise, guided."""
        text = self.embed(prompts)
        reference = {
            name: torch.cat([one.reference[name] for one in prepared])
            for name in prepared[0].reference
        }
        x = sample_guided(
            self.backbone.schedule,
            self.stepping(text, reference),
            noise(torch.cat([one.like for one in prepared]), generators(seeds)),
            self.timesteps(),
            self.guide(text, reference),
        )
        return self.videos(x, [one.timing for one in prepared])


@dataclass(frozen=True)
class DescentParameters(DiffusionParameters):
    """Adam on the latent in the noisy steps; values of DiTFlow (CVPR 2025)."""

    guidance: Annotated[float, Doc("Classifier-free guidance scale; 1 disables it.")] = 7.0
    guided_from: Annotated[float, Doc("Noise level at which guidance starts; 1 is pure noise.")] = (
        1.0
    )
    guided_to: Annotated[
        float, Doc("Noise level at which guidance ends: on ZeroScope, 10 of 50 steps.")
    ] = 0.83
    iterations: Annotated[int, Doc("Adam iterations in each guided step.")] = 5
    rates: Annotated[
        tuple[float, float], Doc("Adam learning rates, first to last guided step.")
    ] = (
        0.002,
        0.001,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.guided_from, self.guided_to)
        refuse_below(self, 0, "iterations", "rates")


DescentT = TypeVar("DescentT", bound=DescentParameters)


class FirstSteps(ReferenceGuided[DescentT], Generic[DescentT]):
    """Minimise the losses over the latent with a new Adam optimiser in each of the noisy steps."""

    def guide(self, text: Text, reference: Reference) -> Guide:
        """Run Adam on the latent, at a linearly decreasing learning rate."""
        p = self.parameters
        guided = within(self.backbone.schedule, self.timesteps(), p.guided_from, p.guided_to)
        rates = dict(zip(guided, np.linspace(*p.rates, len(guided)).tolist(), strict=True))

        def guide(x: Latent, t: Timestep) -> Latent:
            if t not in rates or not p.iterations:
                return x
            return descend(
                x,
                lambda x: self.losses(x, t, text, reference),
                p.iterations,
                rates[t],
                f"guidance at timestep {t:g}",
                loss_scale(p.dtype),
                self.backbone.denoiser.spare,
            )

        return guide
