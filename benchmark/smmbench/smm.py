"""SMM: motion transfer with space-time features averaged over space.

Yatim, Fridman, Bar-Tal, Kasten, Dekel: "Space-Time Diffusion Features for Zero-Shot Text-Driven
Motion Transfer", CVPR 2024 (arXiv 2311.17009). The module reads from top to bottom: the descriptor,
the loss, one guided step, the sampling loop, and finally the method class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Denoiser, Features, Latent, Text
from smmbench.diffusion.families import UNet3D
from smmbench.diffusion.guidance import descend, loss_scale
from smmbench.diffusion.inversion import Solver, check_solver, inversion_timesteps, invert
from smmbench.diffusion.latent_cache import cached_latents, inversion_origin
from smmbench.diffusion.method import DiffusionMethod, Timing
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.parameters import (
    BACKBONES,
    BEGINNING,
    EMOJI,
    EMOJI_WAN,
    SEARCHED,
    WAN,
    DiffusionParameters,
    refuse_below,
)
from smmbench.diffusion.probe import check_features
from smmbench.diffusion.sampling import Denoise, sample_guided
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Timestep, check_window, within
from smmbench.diffusion.start_noise import low_frequency_start
from smmbench.diffusion.support import Support, original, ported
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, Range, Space
from smmbench.video import Video

Feature = Float[Tensor, "batch _time _channel _rows _columns"]  # layers differ in size
Kind = Literal["smm-differences", "smm", "full"]
Distance = Literal["cosine", "l2"]
Loss = Callable[[Features, Features], Float[Tensor, " batch"]]
"""Maps the output's and the source's features to one loss per sample."""

KEPT_FROM = 100
"""Passes of the network from which an inversion is worth its 51 latents on disk."""


@dataclass(frozen=True)
class Parameters(DiffusionParameters):
    """Parameters of SMM; the defaults are those of the paper's published configuration."""

    inversion_steps: Annotated[int, Doc("number of steps of the source's DDIM inversion")] = 999
    inversion_refinements: Annotated[int, Doc("refinements of each inversion step")] = 0
    inversion_solver: Annotated[
        Solver, Doc("rf-solver: second order, for flow models, without refinements")
    ] = "first-order"
    inversion_prompt: Annotated[
        bool, Doc("invert with the source's caption; the paper uses no prompt")
    ] = False
    start: Annotated[
        Literal["low-frequency", "inverted", "random"],
        Doc("initial latent: the inverted clip's low frequencies, all of it, or noise"),
    ] = "low-frequency"
    downsample: Annotated[
        int, Doc("factor by which latent frames are shrunk to keep low frequencies only")
    ] = 4
    guided_from: Annotated[float, Doc("noise level at which guidance begins; 1 is pure noise")] = (
        1.0
    )
    guided_to: Annotated[
        float, Doc("noise level at which guidance ends; on ZeroScope, t >= 0.6 T is guided")
    ] = 0.69
    iterations: Annotated[
        int, Doc("Adam iterations in each guided step; 30 for complex motion")
    ] = 10
    gradient_every: Annotated[
        int, Doc("iterations that share one gradient; above 1 is faster and changes the result")
    ] = 1
    rates: Annotated[
        tuple[float, float], Doc("Adam's learning rates at the first and last guided step")
    ] = (
        0.007,
        0.004,
    )
    layers: Annotated[
        tuple[str, ...],
        Doc("layers whose outputs are compared; empty: the default of the model family"),
    ] = ()
    features: Annotated[
        Kind, Doc('compared features; "smm" and "full" are ablations of the paper')
    ] = "smm-differences"
    distance: Annotated[
        Distance, Doc('"cosine" as in the published code, or "l2" as in the paper')
    ] = "cosine"
    grid: Annotated[
        int, Doc("average within each cell of a grid x grid; 1: the whole frame, as in the paper")
    ] = 1
    restart: Annotated[
        bool, Doc("after each step, add noise again and repeat the denoising step")
    ] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.guided_from, self.guided_to)
        refuse_below(self, 1, "inversion_steps", "downsample", "grid", "gradient_every")
        refuse_below(self, 0, "iterations", "inversion_refinements", "rates")


LAYERS = (
    "up_blocks.1.upsamplers.0",
    "up_blocks.1.resnets.1.conv2",  # before the residual sum
    "up_blocks.1.temp_convs.1",
)
"""Layers of the paper, in the second block of ZeroScope's decoder."""


def layers_of(denoiser: Denoiser, parameters: Parameters) -> tuple[str, ...]:
    """Layers whose outputs are compared: those named; else the paper's, or a middle block."""
    if parameters.layers:
        return parameters.layers
    family, network = denoiser.family, denoiser.network
    return LAYERS if isinstance(family, UNet3D) else family.middle(network)


# The descriptor -----------------------------------------------------------------------------------


def spatial_marginal_mean(f: Feature, grid: int = 1) -> Float[Tensor, "batch time cell channel"]:
    """SMM[f], the spatial marginal mean: the mean of f over the spatial axes.

    Args:
        f: Features of one layer.
        grid: Average within each cell of a grid x grid instead; 1 is the paper's.
    """
    if grid == 1:
        return f.mean((-2, -1))[:, :, None]
    # Adaptive pooling has the same cells, but no deterministic gradient on a GPU.
    rows = torch.stack([f[..., cell, :].mean(-2) for cell in _cells(f.shape[-2], grid)], -2)
    cells = torch.stack([rows[..., cell].mean(-1) for cell in _cells(f.shape[-1], grid)], -1)
    return cells.flatten(-2).movedim(2, -1)


def _cells(size: int, grid: int) -> list[slice]:
    """Cut an axis into `grid` cells, which share positions where its size is not divisible."""
    return [slice(i * size // grid, -(-(i + 1) * size // grid)) for i in range(grid)]


def pairwise_differences(
    smm: Float[Tensor, "batch time cell channel"],
) -> Float[Tensor, "batch time time cell channel"]:
    """D_ij = SMM_i - SMM_j for each pair of frames, which removes what is constant over time."""
    return smm[:, :, None] - smm[:, None]


def describe(f: Feature, kind: Kind, grid: int = 1) -> Float[Tensor, "batch *place channel"]:
    """The descriptor of one layer's features: differences, spatial means, or all features."""
    if kind == "full":
        return f.movedim(2, -1)
    smm = spatial_marginal_mean(f, grid)
    return pairwise_differences(smm) if kind == "smm-differences" else smm


def compare(
    a: Float[Tensor, "batch *place channel"],
    b: Float[Tensor, "batch *place channel"],
    distance: Distance,
) -> Float[Tensor, " batch"]:
    """Distance of two descriptors.

    Returns:
        One number per sample. `l2`: the sum of squared differences, 0 or more, as in the paper.
        `cosine`: the mean over places of 1 - cos over channels, 0 to 2; a vector of length zero
        counts as 1, so that differences of F frames with themselves add 1/F always.
    """
    if distance == "l2":
        return (a - b).square().flatten(1).sum(1)
    return (1 - F.cosine_similarity(a, b, dim=-1)).flatten(1).mean(1)


def smm_loss(
    features: Mapping[str, Feature],
    reference: Mapping[str, Feature],
    kind: Kind = "smm-differences",
    distance: Distance = "cosine",
    grid: int = 1,
) -> Float[Tensor, " batch"]:
    """Distance between the output's and the source's features, summed over layers, per sample."""
    losses = [
        compare(describe(f, kind, grid), describe(reference[layer], kind, grid), distance)
        for layer, f in features.items()
    ]
    return torch.stack(losses).sum(0)


# One guided step ----------------------------------------------------------------------------------


def guide(
    denoiser: Denoiser,
    x: Latent,
    source: Latent,
    t: Timestep,
    text: Text,
    source_text: Text,
    rate: float,
    parameters: Parameters,
    compared: Loss | None = None,
) -> Latent:
    """Optimise x to reduce the loss between its features and the source's, both at timestep t.

    Args:
        denoiser: Network and schedule.
        x: Latents being sampled.
        source: The source's latents from its inversion, at the same t.
        t: Timestep.
        text: The target prompt's text states.
        source_text: The source prompt's.
        rate: Learning rate of Adam.
        parameters: Layers, iterations, features and distance.
        compared: The loss of a variant, which replaces the one that the parameters select.

    Raises:
        FloatingPointError: Loss or gradient is not finite.
    """
    layers = layers_of(denoiser, parameters)
    with torch.no_grad():
        reference = denoiser.features(source, t, source_text, layers)

    def loss(x: Latent) -> Float[Tensor, " batch"]:
        features: Features = denoiser.features(x, t, text, layers)
        if compared:
            return compared(features, reference)
        return smm_loss(
            features, reference, parameters.features, parameters.distance, parameters.grid
        )

    scale = loss_scale(parameters.dtype)
    return descend(
        x,
        loss,
        parameters.iterations,
        rate,
        f"guidance at timestep {t:g}",
        scale,
        denoiser.spare,
        parameters.gradient_every,
    )


def guidance_rates(schedule: NoiseSchedule, parameters: Parameters) -> dict[Timestep, float]:
    """Adam's learning rate at each guided timestep, decreasing linearly over the window."""
    timesteps = schedule.timesteps(parameters.steps)
    guided = within(schedule, timesteps, parameters.guided_from, parameters.guided_to)
    if not parameters.iterations:
        return {}
    return dict(zip(guided, np.linspace(*parameters.rates, len(guided)).tolist(), strict=True))


# Sampling -----------------------------------------------------------------------------------------


def start_latent(
    schedule: NoiseSchedule,
    inverted: Mapping[Timestep, Latent],
    draws: Sequence[Generator],
    parameters: Parameters,
) -> Latent:
    """The initial latent: the low frequencies of the source's inverted noise, or an ablation."""
    first, noisiest = schedule.timesteps(parameters.steps)[0], max(inverted)
    clean = inverted[CLEAN]
    if parameters.start == "inverted":
        return inverted[first]
    fresh = noise(clean, draws)
    if parameters.start == "random":
        return fresh
    return low_frequency_start(
        schedule, clean, inverted[noisiest], noisiest, first, fresh, parameters.downsample
    )


def sample_with_guidance(
    denoiser: Denoiser,
    denoise: Denoise,
    x: Latent,
    inverted: Mapping[Timestep, Latent],
    text: Text,
    source_text: Text,
    draws: Sequence[Generator],
    parameters: Parameters,
    compared: Loss | None = None,
) -> Latent:
    """Sample from x: guide where the latent is noisy, step, and restart each step but the last.

    Args:
        denoiser: Network and schedule, to look inside.
        denoise: The same with classifier-free guidance, to step.
        x: Latents to start from.
        inverted: The source's latents, by timestep.
        text: The target prompt's text states.
        source_text: The source prompt's.
        draws: One random generator per sample, for the noise of restarts.
        parameters: Parameters of the method.
        compared: See `guide`.
    """
    rates = guidance_rates(denoiser.schedule, parameters)

    def guided(x: Latent, t: Timestep) -> Latent:
        if t not in rates:
            return x
        return guide(denoiser, x, inverted[t], t, text, source_text, rates[t], parameters, compared)

    return sample_guided(
        denoiser.schedule,
        denoise,
        x,
        denoiser.schedule.timesteps(parameters.steps),
        guided,
        (lambda x: noise(x, draws)) if parameters.restart else None,
    )


# The method ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Prepared:
    """A source clip, inverted.

    Attributes:
        inverted: Latents of a batch of one, by timestep: the sampling timesteps, the noisiest of
            the inversion, and the encoded clip under `CLEAN`.
        prompt: The clip's caption.
        timing: Its length and frame rate.
    """

    inverted: dict[Timestep, Float[Tensor, "1 channel time rows columns"]]
    prompt: str
    timing: Timing


class SMM(DiffusionMethod[Parameters, Prepared]):
    """Space-time diffusion features, averaged over space, guide the sampling of the target."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        # The sampling's own steps, undone to their fixed points: 150 passes instead of 999, and
        # nearer to the clip when sampled back.
        "fast": {"inversion_steps": 50, "inversion_refinements": 2},
        # Values of a small flow-matching transformer, not tuned on Wan itself: a rate of .01 from
        # the inverted clip; with no prompt its inversion does not come back.
        "wan": {
            **WAN,
            "inversion_steps": 50,
            "inversion_prompt": True,
            "start": "inverted",
            "guided_to": 0.85,
            "rates": (0.01, 0.01),
            "restart": False,
        },
        # Less of everything, each of which changes the result; by how much was not measured.
        "wan-fast": {
            **WAN,
            "steps": 25,
            "inversion_steps": 25,
            "inversion_prompt": True,
            "start": "inverted",
            "guided_to": 0.85,
            "rates": (0.01, 0.01),
            "gradient_every": 3,
            "guidance_every": 2,
            "restart": False,
        },
        "emoji": {
            **EMOJI,
            "inversion_steps": 50,
            "inversion_prompt": True,
            "guided_to": 0.57,
            "restart": False,  # no motion of it is seen here: datasets/docs/emoji.md
        },
        "emoji-fast": {
            **EMOJI,
            "steps": 16,
            "inversion_steps": 16,
            "inversion_prompt": True,
            "guided_to": 0.72,
            "rates": (0.021, 0.012),
            "iterations": 5,
            "restart": False,
        },
        "emoji-wan": {
            **EMOJI_WAN,
            "inversion_steps": 30,
            "inversion_refinements": 2,
            "inversion_prompt": True,
            "start": "inverted",
            "guided_to": 0.7,
            "rates": (0.01, 0.01),
            "restart": False,
        },
        "emoji-wan-fast": {
            **EMOJI_WAN,
            "steps": 12,
            "inversion_steps": 12,
            "inversion_refinements": 1,
            "inversion_prompt": True,
            "start": "inverted",
            "guided_to": 0.78,
            "rates": (0.03, 0.03),
            "iterations": 5,
            "restart": False,
        },
    }
    search: ClassVar[Mapping[str, Space]] = {
        "downsample": Choices(2, 4),
        "guided_to": Range(0.55, 0.88),
        "iterations": Choices(5, 10, 20),
        "rates": Choices((0.007, 0.004), (0.014, 0.008), (0.021, 0.012)),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": original("features of the decoder's second block"),
        "wan": ported("the middle block's tokens; 4 frames of the clip share one of the latent"),
        "cogvideox": ported("the middle block's video tokens; 4 frames share one of the latent"),
    }
    card = Card(
        title="SMM (space-time diffusion features)",
        paper="Yatim et al., CVPR 2024, https://arxiv.org/abs/2311.17009",
        code="https://diffusion-motion-transfer.github.io",
        licence="Apache-2.0",
        notes=(
            "Re-implemented from the paper. Every draw is seeded, clips are encoded by the mean, "
            "and a restart noises forward in one jump, by the betas between the two timesteps; the "
            "published code takes each of them one timestep lower (benchmark/docs/smm.md)."
        ),
        backbone=BACKBONES,
        original="ZeroScope v2 576w, 24 frames of 576x320",
        values="the published configuration, the preset `paper`",
        tuned=(
            f"{SEARCHED}; emoji-fast: fewer steps of a higher rate, measured and not searched; "
            f"{BEGINNING}; emoji-wan-fast: the best sum of eight short settings on emoji-wan-val; "
            "wan, wan-fast: not searched"
        ),
    )

    def check_model(self) -> None:
        """Check that the guided layers exist before an expensive inversion begins."""
        p = self.parameters
        check_solver(self.backbone.schedule, p.inversion_solver, p.inversion_refinements)
        if guidance_rates(self.backbone.schedule, self.parameters):
            check_features(self.backbone, layers_of(self.backbone.denoiser, self.parameters))

    def compared(self, prepared: Sequence[Prepared]) -> Loss | None:
        """The loss of a variant for these clips; None for the one that the parameters select."""
        return None

    def prepare_batch(self, sources: Sequence[Source]) -> list[Prepared]:
        """Encode and invert the clips; keep the latents that guidance compares with.

        Raises:
            ValueError: The latents are too small to be shrunk by `downsample`.
        """
        self._check_downsample(sources)
        steps = inversion_timesteps(
            self.backbone.schedule, self.parameters.inversion_steps, self._sampling
        )
        twice = self.parameters.inversion_solver == "rf-solver"
        passes = len(steps) * (2 if twice else 1 + self.parameters.inversion_refinements)
        if passes < KEPT_FROM or not self.weights():
            inverted = self._invert(sources, steps)
        else:
            inverted = cached_latents(
                [self._origin(source, steps) for source in sources],
                lambda places: self._invert([sources[place] for place in places], steps),
                self.backbone.device,
            )
        return [
            Prepared(latents, source.prompt, Timing.of(source))
            for latents, source in zip(inverted, sources, strict=True)
        ]

    def _check_downsample(self, sources: Sequence[Source]) -> None:
        if self.parameters.start != "low-frequency":
            return
        sides = self.backbone.latent_shape(sources[0].video.frames.shape[:3])[2:]
        if self.parameters.downsample > min(sides):
            raise ValueError(
                f"downsample must be at most {min(sides)} for latents of {sides[0]}x{sides[1]}, "
                f"got {self.parameters.downsample}."
            )

    @property
    def _sampling(self) -> tuple[Timestep, ...]:
        return self.backbone.schedule.timesteps(self.parameters.steps)

    def _inversion_prompt(self, source: Source) -> str:
        return source.prompt if self.parameters.inversion_prompt else ""

    def _invert(
        self, sources: Sequence[Source], steps: Sequence[Timestep]
    ) -> list[dict[Timestep, Latent]]:
        """Latents of each clip, by timestep."""
        inverted = invert(
            self.backbone.denoiser,
            self.encode(sources),
            self.backbone.embed([self._inversion_prompt(source) for source in sources]),
            steps,
            keep=self._sampling,
            refinements=self.parameters.inversion_refinements,
            solver=self.parameters.inversion_solver,
        )
        return [{t: x[[i]] for t, x in inverted.items()} for i in range(len(sources))]

    def _origin(self, source: Source, steps: Sequence[Timestep]) -> dict[str, Any]:
        return inversion_origin(
            self.backbone,
            source.video.pixels_sha256,
            self._inversion_prompt(source),
            steps=list(steps),
            kept=list(self._sampling),
            refinements=self.parameters.inversion_refinements,
            solver=self.parameters.inversion_solver,
        )

    def transfer_batch(
        self, prepared: Sequence[Prepared], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample the targets with guidance; one generator serves all draws of a transfer."""
        draws = generators(seeds)
        inverted = {
            t: torch.cat([one.inverted[t] for one in prepared]) for t in prepared[0].inverted
        }
        text, source_text = self.embed(prompts), self.embed([one.prompt for one in prepared])
        x = sample_with_guidance(
            self.backbone.denoiser,
            self.denoise(text),
            start_latent(self.backbone.schedule, inverted, draws, self.parameters),
            inverted,
            text,
            source_text,
            draws,
            self.parameters,
            self.compared(prepared),
        )
        return self.videos(x, [one.timing for one in prepared])
