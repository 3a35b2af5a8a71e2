"""MotionDirector: appearance and motion, learnt separately by LoRA.

Zhao et al., ECCV 2024 (arXiv 2310.08465).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.families import UNet3D
from smmbench.diffusion.noise import noise
from smmbench.diffusion.parameters import BACKBONES, EMOJI, SEARCHED, refuse_below
from smmbench.diffusion.schedule import Prediction, Timestep
from smmbench.diffusion.support import Support, original, ported
from smmbench.method import Card
from smmbench.method.search_space import Choices, LogRange, Range, Space
from smmbench_baselines.one_clip.adapters import Adapter
from smmbench_baselines.one_clip.lora import (
    LoraLayers,
    add_lora,
    check_peft,
    lora_tensors,
    new_lora,
    scale,
    split_lora,
    switch,
)
from smmbench_baselines.one_clip.losses import debiased, squared_error
from smmbench_baselines.one_clip.method import OneClipMethod, OneClipParameters
from smmbench_baselines.one_clip.shell import checkpoint_blocks, linear_layers
from smmbench_baselines.one_clip.tuning import tune

SPATIAL = r"\.attentions\.\d+\..*(attn1\.to_(q|k|v|out\.0)|ff\.net\.(0\.proj|2))$"
TEMPORAL = (
    r"(temp_attentions\.\d+|transformer_in)\."
    r".*(attn[12]\.to_(q|k|v|out\.0)|ff\.net\.(0\.proj|2))$"
)


JOINT = r"blocks\.\d+\.(attn1\.to_(q|k|v|out\.0)|f(fn|f)\.net\.(0\.proj|2))$"
"""Layers of transformers, where attention is joint over space and time."""


@dataclass(frozen=True)
class Parameters(OneClipParameters):
    """Parameters of MotionDirector; values of its paper and its settings for a single video."""

    steps: Annotated[int, Doc("DDIM sampling steps.")] = 30
    guidance: Annotated[float, Doc("Classifier-free guidance scale.")] = 12.0
    prompt_prefix: Annotated[str, Doc("Text before every prompt.")] = ""
    negative_prompt: Annotated[
        str,
        Doc("Negative prompt of classifier-free guidance; may be empty."),
    ] = ""
    tuning_steps: Annotated[int, Doc("AdamW steps on one clip.")] = 150
    tuning_rate: Annotated[float, Doc("Constant learning rate.")] = 5e-4
    decay: Annotated[float, Doc("Weight decay of AdamW.")] = 1e-2
    rank: Annotated[int, Doc("Rank of the LoRA layers.")] = 32
    beta: Annotated[float, Doc("Weight of the anchor frame in the debiased loss.")] = 1.0
    alone: Annotated[
        float, Doc("Fraction of steps in which the temporal layers learn without the spatial ones.")
    ] = 0.2
    spatial_scale: Annotated[float, Doc("Scale of the spatial layers in sampling.")] = 0.0
    noise_prior: Annotated[
        float, Doc("Fraction of the inverted noise's variance in the initial noise.")
    ] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_below(self, 1, "rank")
        refuse_below(self, 0, "decay")
        for name in ("alone", "noise_prior"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}.")


class MotionDirector(OneClipMethod[Parameters]):
    """Spatial LoRA layers learn single frames, temporal ones the clip; only these are sampled with.

    In each step the spatial path comes first; its gradient reaches only the spatial layers, that of
    the temporal path only the temporal ones.
    """

    Parameters = Parameters
    packages = ("peft",)
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji": {
            **EMOJI,
            "tuning_steps": 150,
            "tuning_rate": 2e-3,
            "noise_prior": 0.8,
            "rank": 8,
            "checkpointing": False,
            "inversion_steps": 25,
        },
    }
    search: ClassVar[Mapping[str, Space]] = {
        "tuning_rate": LogRange(1e-4, 1e-2),
        "tuning_steps": Choices(50, 100, 150, 300),
        "noise_prior": Range(0.0, 1.0),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": original("ZeroScope v2"),
        "wan": ported("one set of LoRA layers in the joint attention; no spatial path"),
        "cogvideox": ported("one set of LoRA layers in the joint attention; no spatial path"),
    }
    card = Card(
        title="MotionDirector",
        kind="baseline",
        paper="Zhao et al., ECCV 2024, https://arxiv.org/abs/2310.08465",
        code="https://github.com/showlab/MotionDirector",
        licence="Apache-2.0",
        notes=(
            "Reimplemented with peft; the original runs on ZeroScope and ModelScope, 16 frames "
            "of 384x384. Kept: LoRA of rank 32 in self-attention and feed-forward layers, 150 "
            "steps of 5e-4, both losses, initial noise of which half is the clip's inverted noise, "
            "the spatial scale of 0. Changed: no dropout in the LoRA layers, and their initial "
            "values are peft's; the published code adds LoRA to all linear layers of the "
            "transformers. On Wan and CogVideoX, where attention is joint over space and time, one "
            "set of layers learns the clip with both losses, without a separate spatial path."
        ),
        backbone=BACKBONES,
        original="ZeroScope v2 and ModelScope, 16 frames of 384x384",
        values="the paper and the published settings for one video",
        tuned=SEARCHED,
    )

    def check_model(self) -> None:
        """Check for peft and the layers to tune before any clip is processed."""
        check_peft()
        self.patterns()
        self.spatial(self.backbone.denoiser)

    def patterns(self) -> tuple[str, str]:
        """Patterns of the names of spatial and temporal layers; an empty one matches no layer."""
        unet = isinstance(self.backbone.family, UNet3D)
        found = (SPATIAL, TEMPORAL) if unet else ("", JOINT)
        linear_layers(self.backbone.denoiser.network, found[1])
        return found

    def spatial(self, denoiser: Denoiser) -> tuple[str, ...]:
        """Names of the spatial layers."""
        pattern = self.patterns()[0]
        return linear_layers(denoiser.network, pattern) if pattern else ()

    def tune(self, x: Latent, text: Text) -> tuple[list[Adapter], Float[Tensor, "step clip"]]:
        """Tune both sets of layers."""
        denoiser, parameters = self.shell(), self.parameters
        names = [self.spatial(denoiser), linear_layers(denoiser.network, self.patterns()[1])]
        new = new_lora(
            denoiser.network, [*names[0], *names[1]], parameters.rank, parameters.tuning_seed
        )
        layers = add_lora(denoiser.network, [dict(new) for _ in x])
        spatial, temporal = ({name: layers[name] for name in some} for some in names)
        if parameters.checkpointing:
            checkpoint_blocks(denoiser.network)

        def objective(
            t: Timestep, eps: Latent, generator: Generator
        ) -> Iterator[Float[Tensor, " clip"]]:
            return self.losses(denoiser, spatial, temporal, x, text, t, eps, generator)

        losses = tune(
            lora_tensors(layers),
            objective,
            x,
            denoiser.schedule,
            self.plan(decay=parameters.decay),
        )
        return split_lora(layers, parameters.rank), losses

    def losses(
        self,
        denoiser: Denoiser,
        spatial: LoraLayers,
        temporal: LoraLayers,
        x: Latent,
        text: Text,
        t: Timestep,
        eps: Latent,
        generator: Generator,
    ) -> Iterator[Float[Tensor, " clip"]]:
        """The spatial loss on one frame, then the temporal ones on the clip."""
        frame, anchor = torch.randint(x.shape[2], (2,), generator=generator).tolist()
        alone = torch.rand((), generator=generator).item() < self.parameters.alone or not spatial
        true = Prediction(x0=x, noise=eps)
        noisy, wanted = denoiser.schedule.at(t, true), denoiser.schedule.output(true, t)
        if not alone:
            switch(spatial, on=True)
            switch(temporal, on=False)
            output = denoiser.output(noisy[:, :, [frame]], t, text)
            yield squared_error(output, wanted[:, :, [frame]])
        switch(spatial, on=not alone, tuned=False)
        switch(temporal, on=True)
        output, beta = denoiser.output(noisy, t, text), self.parameters.beta
        yield squared_error(output, wanted) + squared_error(
            debiased(output, anchor, beta), debiased(wanted, anchor, beta)
        )

    def adapted(self, adapters: Sequence[Adapter]) -> Denoiser:
        """A shell with the temporal layers, and the spatial ones if their scale is not 0."""
        denoiser, factor = self.shell(), self.parameters.spatial_scale
        spatial = self.spatial(denoiser)
        if not factor:
            adapters = _without(adapters, spatial)
        layers = add_lora(denoiser.network, adapters)
        scale({name: layers[name] for name in spatial if name in layers}, factor)
        switch(layers, on=True, tuned=False)
        return denoiser

    def inverting(self, adapters: Sequence[Adapter]) -> Denoiser:
        """The original network, since the original method inverts before it tunes."""
        return self.backbone.denoiser

    def start(self, inverted: Latent, draws: Sequence[Generator]) -> Latent:
        """A mixture of the inverted noise and fresh noise."""
        share = self.parameters.noise_prior
        return share**0.5 * inverted + (1 - share) ** 0.5 * noise(inverted, draws)


def _without(adapters: Sequence[Adapter], layers: Sequence[str]) -> list[Adapter]:
    """Adapters without these layers; an adapter that occurs twice stays the same object."""
    left_out = {f"{layer}.{part}" for layer in layers for part in "AB"}
    unique = {
        id(one): {name: x for name, x in one.items() if name not in left_out} for one in adapters
    }
    return [unique[id(one)] for one in adapters]
