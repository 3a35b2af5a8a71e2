"""SMM as the released code of DiTFlow has it: a variant of its own, not the method of its paper.

Three things differ from Yatim et al. (CVPR 2024): the differences of the output are taken to the
*reference's* frames, the cosine runs over time instead of channels, and the reference is one pass
on the clean latent instead of an inversion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.parameters import EMOJI, SEARCHED, UNETS, check_levels
from smmbench.diffusion.probe import check_features
from smmbench.diffusion.schedule import Timestep
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, Range, Space
from smmbench.smm import spatial_marginal_mean
from smmbench_baselines.guided import DescentParameters, FirstSteps, Reference

Means = Float[Tensor, "batch time _channel"]


@dataclass(frozen=True)
class Parameters(DescentParameters):
    """Parameters of the variant; the schedule is DiTFlow's."""

    layers: tuple[str, ...] = ("up_blocks.1",)  # the output of a block, as there
    reference_level: float = 0.0  # noise level that the network is told of the clean clip

    def __post_init__(self) -> None:
        super().__post_init__()
        check_levels(self, "reference_level")


def anchored_loss(means: Means, reference: Means) -> Float[Tensor, " batch"]:
    """1 - cos over time between means of both sides, each minus one frame of the *reference*.

    Returns:
        The mean over anchors and channels, 0 to 2; a channel of the reference that stays at its
        anchor counts as 1.
    """
    anchor = reference[:, :, None]
    a, b = means[:, None] - anchor, reference[:, None] - anchor
    return (1 - F.cosine_similarity(a, b, dim=2)).flatten(1).mean(1)


class SMMDiTFlow(FirstSteps[Parameters]):
    """Spatial means of a block's output, against the reference's anchors."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji": {**EMOJI, "guided_to": 0.74, "rates": (0.01, 0.005)},
    }
    search: ClassVar[Mapping[str, Space]] = {
        "guided_to": Range(0.67, 0.95),
        "iterations": Choices(3, 5, 10),
        "rates": Choices(
            (0.002, 0.001), (0.005, 0.0025), (0.01, 0.005), (0.02, 0.01), (0.05, 0.025)
        ),
    }
    card = Card(
        title="SMM as DiTFlow's code has it",
        kind="baseline",
        paper="Pondaven et al., CVPR 2025, https://arxiv.org/abs/2412.07776",
        code="https://github.com/ditflow/ditflow",
        licence="Apache-2.0",
        notes=(
            "Not SMM: output minus the reference's frames, cosine over time, reference from one "
            "pass on the clean latent, start from noise. Re-implemented; the original takes "
            "block 20 of CogVideoX-5B, here it is the second decoder block of the 3D UNet. The "
            "words before and against every prompt are those of SMM."
        ),
        backbone=UNETS,
        original="CogVideoX 2B and 5B",
        values="the schedule of DiTFlow's published configuration",
        tuned=SEARCHED,
    )

    def check_model(self) -> None:
        """Look at the layers once before a clip is spent on them."""
        check_features(self.backbone, self.parameters.layers)

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
        features = self.backbone.denoiser.features(x, t, text, self.parameters.layers)
        return {layer: spatial_marginal_mean(f)[:, :, 0] for layer, f in features.items()}
