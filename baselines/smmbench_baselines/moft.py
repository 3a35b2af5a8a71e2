"""MOFT: features without their mean over time, in the channels that panning changes most.

Xiao, Zhou, Yang, Pan: "Video Diffusion Models are Training-free Motion Interpreter and
Controller", NeurIPS 2024 (arXiv 2405.14864).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.guidance import gradient, loss_scale
from smmbench.diffusion.inversion import invert
from smmbench.diffusion.parameters import (
    BACKBONES,
    EMOJI,
    SEARCHED,
    DiffusionParameters,
    check_levels,
    refuse_below,
)
from smmbench.diffusion.probe import check_features
from smmbench.diffusion.sampling import Guide
from smmbench.diffusion.schedule import Timestep, check_window, within
from smmbench.diffusion.support import Support, ported
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, LogRange, Space
from smmbench_baselines.attention import block_layers
from smmbench_baselines.guided import Reference, ReferenceGuided
from smmbench_baselines.moving import moving_region, resized

Feature = Float[Tensor, "batch _time _channel _rows _columns"]  # positions of the layer
Area = Bool[Tensor, "batch _rows _columns"]
Frame = UInt8[np.ndarray, "height width 3"]

AXES = {"horizontal": ((1, 0), (-1, 0)), "vertical": ((0, 1), (0, -1))}
"""The two directions (x, y) of the window along each axis."""

CENTRE = 0.25
"""Fraction of a frame's sides used for principal components; pans reveal new content at edges."""


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of MOFT; values of its published code."""

    steps: Annotated[int, Doc("DDIM sampling steps.")] = 25
    guidance: Annotated[float, Doc("Classifier-free guidance scale; 1 disables it.")] = 7.5
    layer: Annotated[
        str, Doc("Block whose output is compared; empty: the second decoder block or a middle one.")
    ] = ""
    inversion_steps: Annotated[
        int, Doc("Steps of the source's DDIM inversion, without a prompt.")
    ] = 25
    reference_level: Annotated[
        float, Doc("Noise level up to which the clip is inverted to extract features.")
    ] = 0.38
    channels_from: Annotated[
        Literal["pans", "clip", "all"],
        Doc("Where motion channels are found: in pans of a still, in the clip, or nowhere."),
    ] = "pans"
    axes: Annotated[tuple[Literal["horizontal", "vertical"], ...], Doc("Axes of the pans.")] = (
        "horizontal",
        "vertical",
    )
    share: Annotated[
        float, Doc("Fraction of channels kept for each axis; in the paper, 50 of 1280.")
    ] = 0.04
    zoom: Annotated[float, Doc("Enlargement of the still over which a window pans.")] = 1.5
    region: Annotated[
        Literal["moving", "frame"],
        Doc("Region that is averaged and guided; in the paper it is drawn by hand."),
    ] = "moving"
    threshold: Annotated[
        float, Doc("Difference from the median frame, of 255, that puts a pixel into the region.")
    ] = 30.0
    guided_from: Annotated[
        float, Doc("Noise level at which guidance starts: on ZeroScope, step 3 of 25.")
    ] = 0.87
    guided_to: Annotated[float, Doc("Noise level at which guidance ends: step 11.")] = 0.62
    repeats: Annotated[int, Doc("Gradient steps in each guided step.")] = 2
    weight: Annotated[float, Doc("Weight of the squared error.")] = 10.0
    rate: Annotated[float, Doc("Size of a plain gradient step.")] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.guided_from, self.guided_to)
        check_levels(self, "reference_level")
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0, at most 1; got {self.share}.")
        refuse_below(self, 0, "threshold", "repeats", "weight", "rate")
        if self.zoom <= 1:
            raise ValueError(f"zoom must be above 1, got {self.zoom}.")
        if not self.axes:
            raise ValueError("axes must name horizontal, vertical or both.")


# The comparison -----------------------------------------------------------------------------------


def without_content(f: Feature) -> Feature:
    """The feature minus its mean over time, which removes what all frames share."""
    return f - f.mean(1, keepdim=True)


def region_mean(f: Feature, region: Area) -> Float[Tensor, "batch _time _channel"]:
    """Mean over the region's positions; over the whole frame if the region is empty."""
    weight = torch.where(region.flatten(1).any(1)[:, None, None], region, True).to(f)
    total = torch.einsum("btcxy,bxy->btc", f, weight)
    return total / weight.flatten(1).sum(1)[:, None, None]


def motion_feature(
    f: Feature, region: Area, channels: Int[Tensor, "batch kept"]
) -> Float[Tensor, "batch _time kept"]:
    """MOFT: content removed, channels chosen, averaged over the region."""
    means = region_mean(without_content(f), region)
    return means.gather(-1, channels[:, None].expand(-1, means.shape[1], -1))


# The channels -------------------------------------------------------------------------------------


def leading_channels(
    samples: Float[Tensor, "batch sample channel"], kept: Timestep
) -> Int[Tensor, "batch kept"]:
    """Channels with the largest absolute value in the first principal component."""
    centred = (samples - samples.mean(1, keepdim=True)).cpu().double()
    # On the CPU for every device: the arithmetic is small and gives the same channels everywhere.
    _, vectors = torch.linalg.eigh(centred.mT @ centred)  # eigenvalues increase
    return vectors[:, :, -1].abs().topk(kept, dim=-1).indices.to(samples.device)


def centre(f: Feature) -> Feature:
    """The centre of each frame, a quarter of its sides."""
    rows, columns = f.shape[-2:]
    height, width = max(1, round(CENTRE * rows)), max(1, round(CENTRE * columns))
    top, left = (rows - height) // 2, (columns - width) // 2
    return f[..., top : top + height, left : left + width]


def pan(
    still: Frame, time: int, way: tuple[int, int], zoom: float
) -> UInt8[np.ndarray, "time height width 3"]:
    """A window of the still's size that moves over its enlargement, from edge to edge.

    Args:
        still: A frame.
        time: Number of frames.
        way: 1, 0 or -1 along x and y: the direction of the window; 0 stays in the centre.
        zoom: Factor of the enlargement, above 1.
    """
    height, width = still.shape[:2]
    large = cv2.resize(still, (round(zoom * width), round(zoom * height)))
    room = large.shape[1] - width, large.shape[0] - height
    along = np.linspace(0, 1, time)
    x, y = (
        np.round(space * (0.5 + (along - 0.5) * step)).astype(int)
        for space, step in zip(room, way, strict=True)
    )
    return np.stack([large[b : b + height, a : a + width] for a, b in zip(x, y, strict=True)])


# The method ---------------------------------------------------------------------------------------


class MOFT(ReferenceGuided[Parameters]):
    """Guides the latent by the squared error of the motion feature."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "emoji": {
            **EMOJI,
            "weight": 1000.0,
            "guided_from": 1.0,
            "guided_to": 0.57,
            "reference_level": 0.43,
        },
    }
    search: ClassVar[Mapping[str, Space]] = {
        "weight": LogRange(3.0, 3000.0),
        "region": Choices("moving", "frame"),
        "repeats": Choices(1, 2, 4),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("the original's own kind of layer, on another UNet"),
        "wan": ported("the middle block, as DiTFlow's authors ported it"),
        "cogvideox": ported("the middle block, as DiTFlow's authors ported it"),
    }
    card = Card(
        title="MOFT (motion feature)",
        kind="baseline",
        paper="Xiao et al., NeurIPS 2024, https://arxiv.org/abs/2405.14864",
        code="https://github.com/xizaoqu/MOFT",
        licence="Apache-2.0",
        notes=(
            "Reimplemented from the paper; the original runs on AnimateDiff, 16 frames. There a "
            "user draws the region and pans over photographs give the channels; here the region "
            "is what differs from the clip's median frame, the same in source and output, and the "
            "pans are windows that slide over the clip's own first frame, along both axes. Not "
            "included: keys and values shared with a second, unguided sampling."
        ),
        backbone=BACKBONES,
        original="AnimateDiff, 16 frames",
        values="the published code",
        tuned=SEARCHED,
    )

    @property
    def layer(self) -> str:
        """Name of the layer whose output is compared."""
        return self.parameters.layer or block_layers(self.backbone.denoiser)[0]

    def check_model(self) -> None:
        """Test the layer once before any clip is processed."""
        check_features(self.backbone, [self.layer])

    def refer(self, x: Latent, sources: Sequence[Source]) -> Reference:
        """Region, channels and motion feature of the clips."""
        f = self._looked_at(x)
        region = self._region(x, sources)
        channels = self._channels(f, sources)
        motion = motion_feature(f, self._on(f, region), channels)
        return {"motion": motion, "channels": channels, "region": region}

    def losses(
        self, x: Latent, t: Timestep, text: Text, reference: Reference
    ) -> Float[Tensor, " batch"]:
        """Weighted mean squared error over frames and channels."""
        layer = self.layer
        f = self.backbone.denoiser.features(x, t, text, (layer,))[layer]
        motion = motion_feature(f, self._on(f, reference["region"]), reference["channels"])
        error = (motion - reference["motion"]).square().flatten(1).mean(1)
        return self.parameters.weight * error

    def guide(self, text: Text, reference: Reference) -> Guide:
        """Apply plain gradient steps within the region, in the guided steps."""
        p = self.parameters
        guided = within(self.backbone.schedule, self.timesteps(), p.guided_from, p.guided_to)
        region = reference["region"][:, None, None]

        def guide(x: Latent, t: Timestep) -> Latent:
            scale = loss_scale(p.dtype)
            for repeat in range(p.repeats if t in guided else 0):
                slope, scale = gradient(
                    x,
                    lambda x: self.losses(x, t, text, reference),
                    f"guidance at timestep {t:g}, repeat {repeat + 1}",
                    scale,
                    self.backbone.denoiser.spare,
                    first=repeat == 0,
                    last=repeat == p.repeats - 1,
                )
                x = x - p.rate * slope * region
            return x

        return guide

    def reference_timesteps(self) -> tuple[Timestep, ...]:
        """Those of the inversion up to the level at which features are read, cleanest first."""
        p, schedule = self.parameters, self.backbone.schedule
        timesteps = schedule.timesteps(p.inversion_steps)[::-1]
        return within(schedule, timesteps, p.reference_level, 0.0) or timesteps[:1]

    def _looked_at(self, x: Latent) -> Feature:
        """The layer's feature of clean latents after a few steps of inversion without a prompt."""
        backbone = self.backbone
        timesteps = self.reference_timesteps()
        t, text = timesteps[-1], backbone.embed([""] * len(x))
        noisy = invert(backbone.denoiser, x, text, timesteps, keep=[t])[t]
        return backbone.denoiser.features(noisy, t, text, (self.layer,))[self.layer]

    def _region(self, x: Latent, sources: Sequence[Source]) -> Area:
        """Positions where anything moves at any time; all, if nothing does or all are requested."""
        rows, columns = x.shape[-2:]
        if self.parameters.region == "frame":
            return torch.ones(len(x), rows, columns, dtype=torch.bool, device=x.device)
        videos = [source.video for source in sources]
        region = (
            moving_region(videos, (rows, columns), self.parameters.threshold).any(1).to(x.device)
        )
        return torch.where(region.flatten(1).any(1)[:, None, None], region, True)

    def _on(self, f: Feature, region: Area) -> Area:
        return resized(region[:, None], (f.shape[-2], f.shape[-1]))[:, 0]

    def _channels(self, f: Feature, sources: Sequence[Source]) -> Int[Tensor, "batch kept"]:
        """The channels of each clip; one that leads along both axes counts twice."""
        p, kept = self.parameters, max(1, round(self.parameters.share * f.shape[2]))
        if p.channels_from == "all":
            return torch.arange(f.shape[2], device=f.device).expand(len(f), -1)
        if p.channels_from == "clip":
            moves = without_content(f).movedim(2, -1).flatten(1, 3)
            return leading_channels(moves, kept)
        found = []
        for axis in p.axes:
            pans = [self._looked_at(self._panned(sources, way)) for way in AXES[axis]]
            starts = [centre(without_content(one))[:, 0].flatten(2).mT for one in pans]
            found.append(leading_channels(torch.cat(starts, 1), kept))
        return torch.cat(found, -1)

    def _panned(self, sources: Sequence[Source], way: tuple[int, int]) -> Latent:
        clips = [
            pan(one.video.frames[0], len(one.video.frames), way, self.parameters.zoom)
            for one in sources
        ]
        return self.backbone.encode(np.stack(clips))
