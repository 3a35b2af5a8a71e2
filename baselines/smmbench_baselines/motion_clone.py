"""MotionClone: the strongest temporal attention of one noisy reference pass.

Ling, Bu, Zhang, Dong, Zang, Wu, Chen, Wang, Jin: "MotionClone: Training-Free Motion Cloning for
Controllable Video Generation", ICLR 2025 (arXiv 2406.05338).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.guidance import gradient, loss_scale
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import (
    BACKBONES,
    EMOJI,
    SEARCHED,
    DiffusionParameters,
    check_levels,
    refuse_below,
)
from smmbench.diffusion.probe import small_input
from smmbench.diffusion.sampling import Denoise
from smmbench.diffusion.schedule import Prediction, Timestep, within
from smmbench.diffusion.support import Support, ported
from smmbench.method import Card, Source
from smmbench.method.search_space import LogRange, Range, Space
from smmbench_baselines.attention import (
    over_time,
    over_time_layers,
    probabilities,
    projections,
)
from smmbench_baselines.guided import Reference, ReferenceGuided

Probabilities = Float[Tensor, "batch place head moment moment"]
Top = Float[Tensor, "batch place head moment _top"]
Frames = Int[Tensor, "batch place head moment _top"]


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of MotionClone; values of its setting for moving objects."""

    steps: Annotated[int, Doc("DDIM sampling steps; the guided ones are closer together.")] = 300
    guidance: Annotated[
        float, Doc("Classifier-free guidance scale; the paper's 7.5 in its own convention.")
    ] = 8.5
    guided_steps: Annotated[int, Doc("Number of guided steps, from the noisy end.")] = 180
    guided_to: Annotated[
        float, Doc("Noise level at which guidance ends: on ZeroScope, 0.4 of T is guided.")
    ] = 0.695
    warm_up: Annotated[int, Doc("Guided steps over which guidance rises linearly from 0.")] = 10
    cool_down: Annotated[int, Doc("Guided steps over which it falls linearly to 0.")] = 10
    weight: Annotated[float, Doc("Guidance weight: that of the squared error.")] = 2000.0
    reference_level: Annotated[
        float, Doc("Noise level of the clip in the reference pass: t = 400.")
    ] = 0.538
    reference_seed: Annotated[int, Doc("Seed of that noise; the same for all clips.")] = 0
    block: Annotated[
        str, Doc("Block whose temporal attentions are compared; empty: the family's default.")
    ] = ""
    top: Annotated[int, Doc("Number of highest probabilities compared per query.")] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.guided_steps <= self.steps:
            raise ValueError(
                f"guided_steps must be 0 to {self.steps} (steps), got {self.guided_steps}."
            )
        if not 0 < self.guided_to < 1:
            raise ValueError(f"guided_to must be above 0, below 1; got {self.guided_to:g}.")
        check_levels(self, "reference_level")
        refuse_below(self, 1, "top")
        refuse_below(self, 0, "warm_up", "cool_down", "weight")


# The comparison -----------------------------------------------------------------------------------


def strongest(attention: Probabilities, top: int) -> tuple[Top, Frames]:
    """The highest probabilities of each query, and the frames to which they belong."""
    found = attention.topk(min(top, attention.shape[-1]), dim=-1)
    return found.values, found.indices


def attention_loss(
    attention: Probabilities, values: Top, frames: Frames
) -> Float[Tensor, " batch"]:
    """Mean squared error of the probabilities of those frames, one value per sample."""
    return (attention.gather(-1, frames) - values).square().flatten(1).mean(1)


# The schedule -------------------------------------------------------------------------------------


def uneven_timesteps(length: int, steps: int, guided: int, border: int) -> tuple[int, ...]:
    """Timesteps of which the first `guided` are those from `border` up, and the rest lie below.

    Args:
        length: T, the number of timesteps on which the model was trained.
        steps: Total number of steps.
        guided: Number of guided steps, at least 1.
        border: The cleanest timestep of the guided part.

    Raises:
        ValueError: One of the two parts has fewer timesteps than requested.
    """
    if guided > length - border or steps - guided > border:
        raise ValueError(
            f"{guided} guided steps and {steps - guided} others do not fit into {length - border} "
            f"and {border} timesteps, the parts of {length} above and below guided_to."
        )
    noisy = np.linspace(border, length - 1, guided).round()[::-1]
    if guided == 1:
        noisy = np.array([length - 1.0])  # sampling starts from noise
    clean = np.linspace(0, border - 1, steps - guided).round()[::-1]
    return tuple(int(t) for t in np.concatenate([noisy, clean]))


def strength(step: int, guided: int, warm_up: int, cool_down: int) -> float:
    """Guidance strength of a step, 0 to 1: rising, level, falling; both slopes multiply."""
    if not 0 <= step < guided:
        return 0.0
    rising = (step + 1) / warm_up if step < warm_up else 1.0
    falling = (guided - step) / cool_down if step > guided - cool_down else 1.0
    return rising * falling


# The method ---------------------------------------------------------------------------------------


class MotionClone(ReferenceGuided[Parameters]):
    """Guides the predicted noise, like a classifier, towards the clip's temporal attention."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "camera": {"steps": 100, "guided_steps": 50, "guided_to": 0.769},
        "emoji": {
            **EMOJI,
            "guided_steps": 15,  # the paper's three fifths of the steps
            "warm_up": 1,
            "cool_down": 1,
            "weight": 8000.0,
            "guided_to": 0.723,
            "reference_level": 0.5547,
        },
    }
    search: ClassVar[Mapping[str, Space]] = {
        "weight": LogRange(200.0, 8000.0),
        "guided_to": Range(0.55, 0.88),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("on another UNet than the original's"),
        "wan": ported("the middle block's joint attention, each position to itself in all frames"),
        "cogvideox": ported("likewise; weight and levels are those of UNets"),
    }
    card = Card(
        title="MotionClone",
        kind="baseline",
        paper="Ling et al., ICLR 2025, https://arxiv.org/abs/2406.05338",
        code="https://github.com/LPengYang/MotionClone",
        licence="Apache-2.0",
        notes=(
            "Reimplemented from the paper; the original runs on AnimateDiff v3, 16 frames. Both "
            "attentions of each temporal transformer of the block are compared. Of the joint "
            "attention of Wan and CogVideoX, the logits of each position to itself in all frames "
            "are compared after a softmax over frames. As in the original, the gradient changes "
            "the predicted noise and not the predicted clean latent. Each guided step takes one "
            "gradient, so that a record has one loss per timestep and no fall of it. The noise of "
            "the reference pass has a fixed seed, and the clip is encoded by the mean. `paper` is "
            "the setting for objects, `camera` the one for cameras. The prompt prefix and negative "
            "prompt are those of SMM."
        ),
        backbone=BACKBONES,
        original="AnimateDiff v3, 16 frames",
        values="the published settings for objects and cameras",
        tuned=SEARCHED,
    )

    def check_model(self) -> None:
        """Determine the timesteps and layers before any clip is processed."""
        self.timesteps()
        self.layers = over_time_layers(self.backbone.denoiser, self.parameters.block)
        x, text = small_input(self.backbone)
        with torch.no_grad():
            self._attention(x, 0, text)

    def timesteps(self) -> tuple[Timestep, ...]:
        """Uneven timesteps: dense in the guided part; without guidance, the model's own."""
        p = self.parameters
        if not p.guided_steps:
            return super().timesteps()
        schedule = self.backbone.schedule
        # A flow's noisiest timestep is its length, while others count from 0.
        length = schedule.length + isinstance(schedule, FlowSchedule)
        border = within(schedule, range(length), 1.0, p.guided_to)[0]
        return uneven_timesteps(length, p.steps, p.guided_steps, int(border))

    def refer(self, x: Latent, sources: Sequence[Source]) -> Reference:
        """The strongest attentions of the noised clip, in one pass without a prompt."""
        p, schedule = self.parameters, self.backbone.schedule
        eps = noise(x, generators([p.reference_seed] * len(x)))
        t = schedule.nearest(p.reference_level)
        noisy = schedule.at(t, Prediction(x0=x, noise=eps))
        text = self.backbone.embed([""] * len(x))
        reference: Reference = {}
        for layer, attention in self._attention(noisy, t, text).items():
            values, frames = strongest(attention, p.top)
            reference |= {f"{layer} values": values, f"{layer} frames": frames}
        return reference

    def losses(
        self, x: Latent, t: Timestep, text: Text, reference: Reference
    ) -> Float[Tensor, " batch"]:
        """Weighted squared error, summed over the layers."""
        losses = [
            attention_loss(attention, reference[f"{layer} values"], reference[f"{layer} frames"])
            for layer, attention in self._attention(x, t, text).items()
        ]
        return self.parameters.weight * torch.stack(losses).sum(0)

    def stepping(self, text: Text, reference: Reference) -> Denoise:
        """The guided network, with its noise moved against the gradient: eps - sigma gradient.

        Only the noise changes; the clean latent stays as predicted, so the step lowers the loss.
        """
        p, denoise, schedule = self.parameters, self.denoise(text), self.backbone.schedule
        strengths = {
            t: strength(step, p.guided_steps, p.warm_up, p.cool_down)
            for step, t in enumerate(self.timesteps())
        }

        def step(x: Latent, t: Timestep) -> Prediction:
            predicted = denoise(x, t)
            if not strengths[t]:
                return predicted
            slope, _ = gradient(
                x,
                lambda x: strengths[t] * self.losses(x, t, text, reference),
                f"guidance at timestep {t:g}",
                loss_scale(p.dtype),
                self.backbone.denoiser.spare,
            )
            return Prediction(predicted.x0, predicted.noise - schedule.sigma(t) * slope)

        return step

    def _attention(self, x: Latent, t: Timestep, text: Text) -> dict[str, Probabilities]:
        found = projections(self.backbone.denoiser, x, t, text, self.layers)
        return {
            layer: torch.unflatten(
                probabilities(over_time(one, self.backbone.denoiser, x)), 0, (len(x), -1)
            )
            for layer, one in found.items()
        }
