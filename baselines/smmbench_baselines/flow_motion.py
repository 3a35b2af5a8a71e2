"""FlowMotion: predicted clean latents follow the source's, without a gradient of the network.

"FlowMotion", CVPR 2026 (github.com/HKUST-LongGroup/FlowMotion). It needs only the predictions of a
backbone, so it runs on every family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.guidance import descend
from smmbench.diffusion.method import DiffusionMethod, Prepared, one_by_one, timings, together
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import (
    BACKBONES,
    BEGINNING,
    EMOJI,
    EMOJI_WAN,
    DiffusionParameters,
    refuse_below,
)
from smmbench.diffusion.sampling import Denoise, sample_guided
from smmbench.diffusion.schedule import (
    NoiseSchedule,
    Prediction,
    Timestep,
    check_window,
    within,
)
from smmbench.diffusion.support import Support, original, ported
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, LogRange, Range, Space
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of FlowMotion; values of its published code."""

    guidance: Annotated[float, Doc("Classifier-free guidance scale; 1 disables it.")] = 6.0
    source_guidance: Annotated[
        float, Doc("Guidance scale for the source, which is evaluated without a prompt.")
    ] = 1.5
    guided_from: Annotated[float, Doc("Noise level at which guidance starts; 1 is pure noise.")] = (
        1.0
    )
    guided_to: Annotated[
        float, Doc("Noise level at which it ends: on Wan at shift 3, the first 10 of 50 steps.")
    ] = 0.925
    iterations: Annotated[int, Doc("Adam iterations in each guided step.")] = 3
    rate: Annotated[float, Doc("Adam learning rate; 0.01 for complex motion.")] = 0.003
    latent_weight: Annotated[float, Doc("Weight of the squared error of clean latents.")] = 20.0
    difference_weight: Annotated[
        float, Doc("Weight of the squared error of absolute frame differences.")
    ] = 5.0
    across: Annotated[
        float, Doc("Fraction of the velocity kept across the direction from the initial noise.")
    ] = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.guided_from, self.guided_to)
        refuse_below(self, 0, "iterations", "rate", "latent_weight", "difference_weight", "across")


# The comparison -----------------------------------------------------------------------------------


def frame_differences(x: Latent) -> Float[Tensor, "batch channel pair rows columns"]:
    """|x_i - x_j| of all frames i < j, including neighbours."""
    first, second = torch.triu_indices(x.shape[2], x.shape[2], 1, device=x.device)
    return (x[:, :, second] - x[:, :, first]).abs()


def motion_loss(
    x0: Latent, source: Latent, latent_weight: float, difference_weight: float
) -> Float[Tensor, " batch"]:
    """Weighted squared errors of clean latents, of neighbours' differences, and of all pairs'.

    Returns:
        One number per sample; 0 for equal latents. A clip of one frame has no differences.
    """
    loss = latent_weight * _squared_error(x0, source)
    if x0.shape[2] == 1:
        return loss
    neighbours = _squared_error(x0.diff(dim=2).abs(), source.diff(dim=2).abs())
    pairs = _squared_error(frame_differences(x0), frame_differences(source))
    return loss + difference_weight * (neighbours + pairs)


def split_velocity(
    schedule: NoiseSchedule,
    x: Latent,
    predicted: Prediction,
    t: Timestep,
    way: Latent,
    across: float,
) -> Prediction:
    """Keep the velocity noise - x0 along a direction, and a fraction of the component across it.

    The latent does not change: x = mu x0 + sigma noise holds for the returned values.

    Args:
        schedule: Noise levels.
        x: Latents at timestep t.
        predicted: Predictions for x.
        t: Timestep.
        way: Directions; a sample whose direction is zero keeps its whole velocity.
        across: Fraction of the component across it that is kept; 1 changes nothing.
    """
    v = predicted.noise - predicted.x0
    length = way.square().flatten(1).sum(1)
    share = (v * way).flatten(1).sum(1) / torch.where(length > 0, length, 1)
    along = share.view(-1, 1, 1, 1, 1) * way
    kept = torch.where(length.view(-1, 1, 1, 1, 1) > 0, along + across * (v - along), v)
    mu, sigma = schedule.mu(t), schedule.sigma(t)
    x0 = (x - sigma * kept) / (mu + sigma)
    return Prediction(x0, x0 + kept)


# The method ---------------------------------------------------------------------------------------


class FlowMotion(DiffusionMethod[Parameters, Prepared]):
    """Guides the latent until its predicted clean latent moves like that of the source."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {
            "model": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            "dtype": "bfloat16",
            "prompt_prefix": "",
            "negative_prompt": "",
        },
        "complex-motion": {
            "model": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            "dtype": "bfloat16",
            "prompt_prefix": "",
            "negative_prompt": "",
            "rate": 0.01,
        },
        "emoji": {**EMOJI, "guided_to": 0.74},
        "emoji-wan": EMOJI_WAN,
    }
    search: ClassVar[Mapping[str, Space]] = {
        "guided_to": Range(0.7, 0.97),
        "rate": LogRange(0.0003, 0.01),  # around the published .003 and .01; more breaks pictures
        "iterations": Choices(3, 5, 10),
        "across": Choices(0.1, 0.3, 1.0),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("the velocity is noise - x0 of the prediction"),
        "wan": original("Wan2.1-T2V-1.3B"),
        "cogvideox": ported("the velocity is noise - x0 of the prediction"),
    }
    card = Card(
        title="FlowMotion",
        kind="baseline",
        paper="FlowMotion, CVPR 2026",
        code="https://github.com/HKUST-LongGroup/FlowMotion",
        licence="Apache-2.0",
        notes=(
            "Reimplemented; the original runs on Wan2.1-T2V-1.3B, 49 or 81 frames of 480x720. The "
            "network's output is treated as constant in each iteration, and recomputed in each. "
            "The component across is reduced in the guided steps after the first. On a diffusion "
            "model, the type of prediction determines how the clean latent depends on the latent: "
            "at pure noise (v-prediction) not at all. Preset emoji: not searched."
        ),
        backbone=BACKBONES,
        original="Wan2.1-T2V-1.3B",
        values="the published code",
        tuned=f"emoji: the window of SMM's variants, not searched; {BEGINNING}",
    )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode the clips."""
        return one_by_one(self.encode(sources), sources)

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample from noise; guide and straighten in the noisy steps."""
        p, schedule = self.parameters, self.backbone.schedule
        clean, draws = together(prepared), generators(seeds)
        initial = noise(clean, draws)
        timesteps = schedule.timesteps(p.steps)
        guided = within(schedule, timesteps, p.guided_from, p.guided_to)
        denoise = self.denoise(self.embed(prompts))

        def guide(x: Latent, t: Timestep) -> Latent:
            if t not in guided or not p.iterations:
                return x
            source = self._source_prediction(clean, t, noise(clean, draws))

            def loss(x: Latent) -> Float[Tensor, " batch"]:
                return motion_loss(
                    held(schedule, denoise, x, t), source, p.latent_weight, p.difference_weight
                )

            stage, spare = f"guidance at timestep {t:g}", self.backbone.denoiser.spare
            return descend(x, loss, p.iterations, p.rate, stage, spare=spare)

        def straight(x: Latent, t: Timestep) -> Prediction:
            predicted = denoise(x, t)
            if t not in guided[1:] or not p.iterations:
                return predicted
            return split_velocity(schedule, x, predicted, t, x - initial, p.across)

        x = sample_guided(schedule, straight, initial, timesteps, guide)
        return self.videos(x, timings(prepared))

    @torch.no_grad()
    def _source_prediction(self, clean: Latent, t: Timestep, fresh: Latent) -> Latent:
        """The clean latent that the network predicts from the noised source, without a prompt."""
        backbone, p = self.backbone, self.parameters
        x = backbone.schedule.at(t, Prediction(clean, fresh))
        empty, negative = backbone.embed([""] * len(clean)), backbone.embed([p.negative_prompt])
        return backbone.denoiser.guided(x, t, empty, negative, p.source_guidance).x0


def held(schedule: NoiseSchedule, denoise: Denoise, x: Latent, t: Timestep) -> Latent:
    """The clean latent predicted from x, with a gradient that bypasses the network."""
    with torch.no_grad():
        predicted = denoise(x, t)
        output = schedule.output(predicted, t)
    return schedule.read(output, x, t).x0


def _squared_error(a: Latent, b: Latent) -> Float[Tensor, " batch"]:
    return (a - b).square().flatten(1).mean(1)
