"""Tune-A-Video: query and temporal projections tuned on a clip, then DDIM from its inverted noise.

Wu et al., ICCV 2023 (arXiv 2212.11565).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from jaxtyping import Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.parameters import EMOJI, SEARCHED, UNETS
from smmbench.diffusion.schedule import Prediction, Timestep
from smmbench.diffusion.support import NO_LAYERS_OVER_TIME, Support, ported, undefined
from smmbench.method import Card
from smmbench.method.search_space import Choices, LogRange, Space
from smmbench_baselines.one_clip.losses import squared_error
from smmbench_baselines.one_clip.whole_weights import WholeWeightMethod, WholeWeightParameters


@dataclass(frozen=True)
class Parameters(WholeWeightParameters):
    """Parameters of Tune-A-Video, with its own values where they apply to this backbone."""

    guidance: Annotated[float, Doc("Classifier-free guidance scale.")] = 12.5
    prompt_prefix: Annotated[str, Doc("Text before every prompt.")] = ""
    negative_prompt: Annotated[
        str,
        Doc("Negative prompt of classifier-free guidance; may be empty."),
    ] = ""


class TuneAVideo(WholeWeightMethod[Parameters]):
    """Tuned to denoise the clip; sampling starts from its noise, inverted by the tuned network."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji": {
            **EMOJI,
            "tuning_steps": 150,
            "tuning_rate": 3e-4,
            "checkpointing": False,
            "inversion_steps": 25,
        },
    }
    deterministic = True  # the initial noise is the clip's own; only downsample > 1 draws
    search: ClassVar[Mapping[str, Space]] = {
        "tuning_rate": LogRange(1e-5, 1e-3),
        "tuning_steps": Choices(50, 100, 200, 400),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("on another UNet than the original's"),
        "wan": undefined(NO_LAYERS_OVER_TIME),
        "cogvideox": undefined(NO_LAYERS_OVER_TIME),
    }
    card = Card(
        title="Tune-A-Video (recipe)",
        kind="baseline",
        paper="Wu et al., ICCV 2023, https://arxiv.org/abs/2212.11565",
        code="https://github.com/showlab/Tune-A-Video",
        licence="Apache-2.0",
        notes=(
            "Re-implemented; the original runs on Stable Diffusion 1.4 at 24 frames of 512x512. "
            "Kept: what is tuned (spatial attn1.to_q and attn2.to_q, all temporal attention), the "
            "loss, 500 steps of 3e-5, inversion by the tuned network with no text, 50 steps, "
            "guidance 12.5. Changed: this backbone is a video model, so nothing is inflated and "
            "there is no sparse-causal attention: its frames meet in temporal layers that are "
            "already trained; weight decay is left out."
        ),
        backbone=UNETS,
        original="Stable Diffusion 1.4, inflated, 24 frames of 512x512",
        values="the published settings",
        tuned=SEARCHED,
    )
    tuned_layers: ClassVar[str] = (
        r"\.attentions\.\d+\..*attn[12]\.to_q$"
        r"|(temp_attentions\.\d+|transformer_in)\..*attn[12]\.to_(q|k|v|out\.0)$"
    )

    def loss(
        self, output: Latent, true: Prediction, x: Latent, t: Timestep
    ) -> Float[Tensor, " clip"]:
        """Squared error of the network's training target."""
        return squared_error(output, self.backbone.schedule.output(true, t))
