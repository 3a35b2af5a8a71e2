"""SMM as implemented in the released code of DiTFlow: a variant, not the method of its paper.

Three things differ from Yatim et al. (CVPR 2024): the output's differences are taken from the
*reference's* frames, the cosine runs over time instead of channels, and the reference is one pass
on the clean latent instead of an inversion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.parameters import BACKBONES, EMOJI, SEARCHED, check_levels
from smmbench.diffusion.probe import check_features
from smmbench.diffusion.schedule import Timestep
from smmbench.diffusion.support import Support, original, ported
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, Range, Space
from smmbench.smm import spatial_marginal_mean
from smmbench_baselines.attention import block_layers
from smmbench_baselines.guided import DescentParameters, FirstSteps, Reference

Means = Float[Tensor, "batch _time _channel"]


@dataclass(frozen=True)
class Parameters(DescentParameters):
    """Parameters of the variant; the schedule is DiTFlow's."""

    layers: Annotated[
        tuple[str, ...], Doc("Blocks whose outputs are compared; none: the middle one.")
    ] = ()
    reference_level: Annotated[
        float, Doc("Noise level given to the network for the clean clip.")
    ] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_levels(self, "reference_level")


def anchored_loss(means: Means, reference: Means) -> Float[Tensor, " batch"]:
    """1 - cos over time between means of both sides, each minus one frame of the *reference*.

    Returns:
        The mean over anchors and channels, 0 to 2; a channel of the reference that equals its
        anchor counts as 1.
    """
    anchor = reference[:, :, None]
    a, b = means[:, None] - anchor, reference[:, None] - anchor
    return (1 - F.cosine_similarity(a, b, dim=2)).flatten(1).mean(1)


class SMMDiTFlow(FirstSteps[Parameters]):
    """Spatial means of a block's output, compared with the reference's anchors."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {
            "model": "THUDM/CogVideoX-5b",
            "dtype": "bfloat16",
            "layers": ("transformer_blocks.20",),
            "guided_to": 0.89,  # the first 10 of 50 steps
            "prompt_prefix": "",
            "negative_prompt": "",
        },
        "unet": {},
        "emoji": {**EMOJI, "guided_to": 0.74, "rates": (0.01, 0.005)},
    }
    search: ClassVar[Mapping[str, Space]] = {
        "guided_to": Range(0.67, 0.95),
        "iterations": Choices(3, 5, 10),
        "rates": Choices(
            (0.002, 0.001), (0.005, 0.0025), (0.01, 0.005), (0.02, 0.01), (0.05, 0.025)
        ),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("the second decoder block"),
        "wan": ported("the middle block"),
        "cogvideox": original("block 20 of 5B, 15 of 2B"),
    }
    card = Card(
        title="SMM in DiTFlow's code",
        kind="baseline",
        paper="Pondaven et al., CVPR 2025, https://arxiv.org/abs/2412.07776",
        code="https://github.com/ditflow/ditflow",
        licence="Apache-2.0",
        notes=(
            "Not SMM: output minus the reference's frames, cosine over time, reference from one "
            "pass on the clean latent, start from noise. Reimplemented; the original uses "
            "block 20 of CogVideoX-5B, here on a 3D UNet the second decoder block. Not included: "
            "the reference's keys and values in block 0. The default prompt prefix and negative "
            "prompt are those of SMM."
        ),
        backbone=BACKBONES,
        original="CogVideoX 2B and 5B",
        values="the schedule of DiTFlow's published configuration",
        tuned=SEARCHED,
    )

    @property
    def layers(self) -> tuple[str, ...]:
        """Blocks whose outputs are compared."""
        denoiser = self.backbone.denoiser
        return self.parameters.layers or block_layers(denoiser)

    def check_model(self) -> None:
        """Test the layers once before any clip is processed."""
        check_features(self.backbone, self.layers)

    def refer(self, x: Latent, sources: Sequence[Source]) -> Reference:
        """Spatial means of the clean latents' features, in one pass without a prompt."""
        text = self.backbone.embed([""] * len(x))
        return dict(
            self._means(x, self.backbone.schedule.nearest(self.parameters.reference_level), text)
        )

    def losses(
        self, x: Latent, t: Timestep, text: Text, reference: Reference
    ) -> Float[Tensor, " batch"]:
        """Mean over layers."""
        found = self._means(x, t, text)
        return torch.stack(
            [anchored_loss(means, reference[layer]) for layer, means in found.items()]
        ).mean(0)

    def _means(self, x: Latent, t: Timestep, text: Text) -> dict[str, Means]:
        features = self.backbone.denoiser.features(x, t, text, self.layers)
        return {layer: spatial_marginal_mean(f)[:, :, 0] for layer, f in features.items()}
