"""SMM by region, as in ConMo: moving and static regions are compared separately.

Gao, Yin, Hua, Peng, Liang, Ma, Guo, Liu: "ConMo: Controllable Motion Disentanglement and
Recomposition for Zero-Shot Motion Transfer", CVPR 2025 (arXiv 2504.02451).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from typing_extensions import Doc

from smmbench import smm
from smmbench.diffusion.parameters import BACKBONES, SEARCHED
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, Space
from smmbench.smm import Feature, Loss, Prepared
from smmbench_baselines.moving import Region, joined, latent_times, moving_region, resized

Which = Literal["moving", "rest", "frame"]
Area = Bool[Tensor, "batch time time _rows _columns"]


@dataclass(frozen=True)
class Parameters(smm.Parameters):
    """Parameters of SMM for each region; the schedule is SMM's, as in ConMo's code."""

    regions: Annotated[
        tuple[Which, ...], Doc("Regions that are compared separately, with equal weights.")
    ] = (
        "moving",
        "rest",
    )
    threshold: Annotated[
        float, Doc("Difference from the clip's median frame, of 255, that counts as moving.")
    ] = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.regions:
            raise ValueError("regions must name at least one of moving, rest and frame.")
        if self.features != "smm-differences" or self.distance != "cosine" or self.grid != 1:
            raise ValueError(
                "SMM by region compares differences of means by their cosine: leave features, "
                "distance and grid at their defaults."
            )


# The comparison -----------------------------------------------------------------------------------


def pair_areas(region: Region, which: Which) -> Area:
    """Where frames i and j are compared: what moves in either, the rest, or everywhere.

    With the union, both frames' means cover the same positions, so only the content differs.
    """
    either = region[:, :, None] | region[:, None]
    if which == "frame":
        return torch.ones_like(either)
    return either if which == "moving" else ~either


def area_differences(f: Feature, area: Area) -> Float[Tensor, "batch time time _channel"]:
    """D_ij: mean of frame i minus mean of frame j, both over the area of the pair; 0 if empty.

    The area of (i, j) is also that of (j, i).
    """
    places = area.flatten(-2).to(f)
    f = f - f.mean(1, keepdim=True)  # cancels in D, and reduces rounding in low precision
    total = torch.einsum("bicp,bijp->bijc", f.flatten(-2), places)
    means = total / places.sum(-1, keepdim=True).clamp(min=1)
    return means - means.transpose(1, 2)


def region_loss(
    features: Mapping[str, Feature],
    reference: Mapping[str, Feature],
    region: Region,
    regions: Sequence[Which],
) -> Float[Tensor, " batch"]:
    """1 - cos of the differences, over all regions and non-empty pairs, summed over layers.

    With `frame` alone, or if one region covers everything, it is SMM's own loss.
    """
    total = torch.zeros(len(region), device=region.device)
    for layer, f in features.items():
        here = joined(resized(region, (f.shape[-2], f.shape[-1])), f.shape[1])
        losses, counts = [], []
        for which in regions:
            area = pair_areas(here, which)
            a, b = area_differences(f, area), area_differences(reference[layer], area)
            there = area.flatten(-2).any(-1).to(f)
            losses.append(((1 - F.cosine_similarity(a, b, dim=-1)) * there).flatten(1).sum(1))
            counts.append(there.flatten(1).sum(1))
        total = total + torch.stack(losses).sum(0) / torch.stack(counts).sum(0).clamp(min=1)
    return total


# The method ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Masked(Prepared):
    """An inverted clip, and what moves in it.

    Attributes:
        region: A batch of one, at the positions of the latent.
    """

    region: Region


class SMMMask(smm.SMM):
    """SMM of moving and static regions."""

    parameters: Parameters
    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        **smm.SMM.presets,
        "emoji": {**smm.SMM.presets["emoji"], "downsample": 2},
    }
    search: ClassVar[Mapping[str, Space]] = {
        **smm.SMM.search,
        "regions": Choices(("moving", "rest"), ("moving",), ("moving", "frame")),
    }
    card = Card(
        title="SMM by region (ConMo)",
        kind="baseline",
        paper="Gao et al., CVPR 2025, https://arxiv.org/abs/2504.02451",
        code="https://github.com/Andyplus1/ConMo",
        licence="Apache-2.0",
        notes=(
            "Reimplemented; the original runs on ZeroScope with masks of SAM 2. No method here "
            "receives a mask, so pixels that differ from the clip's median frame form a single "
            "moving region: several objects count as one, and with a moving camera it is the "
            "whole frame, which is SMM. Not included: soft guidance, and moving, resizing or "
            "removing objects."
        ),
        backbone=BACKBONES,
        original="ZeroScope v2 576w",
        values="those of SMM, which ConMo keeps",
        tuned=SEARCHED,
    )

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Invert the clips, and find what moves."""
        prepared = super().prepare_batch(sources)
        x = next(iter(prepared[0].inverted.values()))
        region = moving_region(
            [source.video for source in sources],
            (x.shape[-2], x.shape[-1]),
            self.parameters.threshold,
        )
        frames = len(sources[0].video.frames)
        region = latent_times(
            region, self.backbone.whole_frames(frames), self.backbone.codec.frame_factor
        ).to(x.device)
        return [
            Masked(one.inverted, one.prompt, one.timing, region[[i]])
            for i, one in enumerate(prepared)
        ]

    def compared(self, prepared: Sequence[Prepared]) -> Loss:
        """The loss over these clips' regions."""
        masked = [one for one in prepared if isinstance(one, Masked)]
        region = torch.cat([one.region for one in masked])
        regions = self.parameters.regions
        return lambda features, reference: region_loss(features, reference, region, regions)
