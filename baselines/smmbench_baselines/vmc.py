"""VMC: temporal attention tuned to reproduce the directions of the clip's steps between frames.

Jeong et al., CVPR 2024 (arXiv 2312.00845).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from jaxtyping import Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.parameters import EMOJI, SEARCHED, UNETS
from smmbench.diffusion.schedule import Prediction, Timestep
from smmbench.diffusion.support import NO_LAYERS_OVER_TIME, Support, ported, undefined
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, LogRange, Space
from smmbench_baselines.one_clip.losses import residual_direction, residual_sizes
from smmbench_baselines.one_clip.whole_weights import WholeWeightMethod, WholeWeightParameters

PLACES = re.compile(
    r"\s+(in|on|at|under|over|above|below|beneath|beside|behind|near|by|against|through|across|"
    r"along|inside|outside|among|amid|between|around|past|with a background)\b.*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Parameters(WholeWeightParameters):
    """Parameters of VMC; values of its paper and published settings."""

    tuning_steps: Annotated[int, Doc("AdamW steps on one clip.")] = 400
    tuning_rate: Annotated[float, Doc("Constant learning rate.")] = 1e-4
    guidance: Annotated[float, Doc("Classifier-free guidance scale.")] = 9.0
    prompt_prefix: Annotated[str, Doc("Text before every prompt.")] = ""
    negative_prompt: Annotated[
        str,
        Doc("Negative prompt of classifier-free guidance; may be empty."),
    ] = ""
    residual: Annotated[
        Literal["paper", "code"], Doc("Directions of steps (paper), or sizes over time (code).")
    ] = "paper"
    compare: Annotated[
        Literal["noise", "output"], Doc("Steps of the noise, or of the output if it is v.")
    ] = "noise"
    prompt: Annotated[Literal["invariant", "caption", "empty"], Doc("invariant: no place.")] = (
        "invariant"
    )


class VMC(WholeWeightMethod[Parameters]):
    """Tuned on the steps between frames, which contain motion but no static content."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji": {
            **EMOJI,
            "tuning_steps": 50,
            "tuning_rate": 3e-4,
            "checkpointing": False,
            "inversion_steps": 25,
        },
    }
    deterministic = True  # the initial noise is the clip's own; only downsample > 1 draws
    search: ClassVar[Mapping[str, Space]] = {
        "tuning_rate": LogRange(3e-5, 3e-3),
        "tuning_steps": Choices(50, 100, 200, 400),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("on another UNet than the original's"),
        "wan": undefined(NO_LAYERS_OVER_TIME),
        "cogvideox": undefined(NO_LAYERS_OVER_TIME),
    }
    card = Card(
        title="VMC (video motion customization)",
        kind="baseline",
        paper="Jeong et al., CVPR 2024, https://arxiv.org/abs/2312.00845",
        code="https://github.com/HyeonHo99/Video-Motion-Customization",
        licence="Apache-2.0",
        notes=(
            "Re-implemented; the original tunes the key-frame model of Show-1, which works on "
            "pixels, 8 frames of 64x40, and two more models fill in frames and detail. Kept: "
            "temporal q, k, v, 400 steps of 1e-4, the loss on steps between frames, inversion "
            "with no text by the tuned network. residual=code is the published code's loss. "
            "Changed: one model in latent space, all frames at once; the appearance-invariant "
            "prompt, which was written by hand, is the caption up to its first word of place; 50 "
            "steps of inversion and of sampling (not 75) and no weight decay, as for all here."
        ),
        backbone=UNETS,
        original="the key-frame model of Show-1, 8 frames of 64x40",
        values="the paper and the published settings",
        tuned=SEARCHED,
    )
    tuned_layers: ClassVar[str] = r"temp_attentions\.\d+\..*attn[12]\.to_(q|k|v)$"

    def loss(
        self, output: Latent, true: Prediction, x: Latent, t: Timestep
    ) -> Float[Tensor, " clip"]:
        """Distance of the predicted noise's steps from those of the true noise."""
        schedule = self.backbone.schedule
        compare = residual_direction if self.parameters.residual == "paper" else residual_sizes
        if self.parameters.compare == "output":
            return compare(output, schedule.output(true, t))
        return compare(schedule.read(output, x, t).noise, true.noise)

    def tuning_prompt(self, source: Source) -> str:
        """The caption, or the part of it that the parameters select."""
        match self.parameters.prompt:
            case "invariant":
                return appearance_invariant(source.prompt)
            case "caption":
                return source.prompt
            case _:
                return ""


def appearance_invariant(caption: str) -> str:
    """Cut a caption before its place: `a cat is roaring on the grass` to `a cat is roaring`.

    VMC tunes with such prompts so that the place is not tied to the motion. A caption without a
    word of place is unchanged.
    """
    return PLACES.sub("", caption)
