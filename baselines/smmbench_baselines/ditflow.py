"""DiTFlow's attention motion flow, on a network whose attention never crosses frames.

Pondaven, Siarohin, Tulyakov, Torr, Pizzati: "Video Motion Transfer with Diffusion Transformers",
CVPR 2025 (arXiv 2412.07776).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Latent, Text
from smmbench.diffusion.parameters import BACKBONES, EMOJI, SEARCHED, check_levels
from smmbench.diffusion.probe import small_input
from smmbench.diffusion.schedule import Timestep
from smmbench.diffusion.support import Support, original, ported
from smmbench.method import Card, Source
from smmbench.method.search_space import Choices, Range, Space
from smmbench_baselines.attention import (
    attention_layers,
    cross_frame_logits,
    grid_of,
    latent_time,
    projections,
)
from smmbench_baselines.guided import DescentParameters, FirstSteps, Reference

Attention = Float[Tensor, "batch moment place other_moment place"]
Flow = Float[Tensor, "batch moment moment place 2"]


@dataclass(frozen=True)
class Parameters(DescentParameters):
    """Parameters of DiTFlow; values of its published configuration."""

    layers: Annotated[
        tuple[str, ...], Doc("Attention layers; none: that of the middle block, as in the paper.")
    ] = ()
    temperature: Annotated[float, Doc("Factor of the logits before the softmax.")] = 2.0
    reference_level: Annotated[
        float, Doc("Noise level given to the network for the clean clip.")
    ] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_levels(self, "reference_level")


# The comparison -----------------------------------------------------------------------------------


def places(rows: int, columns: int) -> Float[Tensor, "place 2"]:
    """Positions (x, y) of a grid's cells, in cells, row by row."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], -1).float()


def hard_flow(logits: Attention, rows: int, columns: int) -> Flow:
    """Hard flow: position in frame j that matches each position of frame i (first time axis).

    Returns:
        Displacements (x, y) in cells by arg-max; for equal logits, the first in reading order.
    """
    grid = places(rows, columns).to(logits)
    found = grid[logits.argmax(-1)]  # batch, time, place, other time
    return (found - grid[:, None]).movedim(3, 2)


def soft_flow(logits: Attention, rows: int, columns: int, temperature: float) -> Flow:
    """Differentiable flow: the mean position under the softmax over each target frame.

    It converges to `hard_flow` as the temperature (a factor here) grows. For equal logits it is the
    displacement to the middle of the frame, not zero.
    """
    grid = places(rows, columns).to(logits)
    found = (logits * temperature).softmax(-1) @ grid
    return (found - grid[:, None]).movedim(3, 2)


def flow_loss(flow: Flow, reference: Flow) -> Float[Tensor, " batch"]:
    """Mean squared error of the flow where the reference moves.

    Returns:
        One value per sample, in squared cells; 0 if nothing in the reference moves.
    """
    moves: Bool[Tensor, "batch moment moment place"] = (reference != 0).any(-1)
    squared = (flow - reference).square().mean(-1) * moves
    return squared.flatten(1).sum(1) / moves.flatten(1).sum(1).clamp(min=1)


# The method ---------------------------------------------------------------------------------------


class DiTFlow(FirstSteps[Parameters]):
    """Attention motion flow: where attention finds each position of a frame in each other frame."""

    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {
            "model": "THUDM/CogVideoX-5b",
            "dtype": "bfloat16",
            "layers": ("transformer_blocks.20.attn1",),
            "guided_to": 0.89,  # the first 10 of 50 steps
            "prompt_prefix": "",
            "negative_prompt": "",
        },
        "paper-2b": {
            "model": "THUDM/CogVideoX-2b",
            "layers": ("transformer_blocks.15.attn1",),
            "guided_to": 0.935,  # the first 10 of 50 steps
            "prompt_prefix": "",
            "negative_prompt": "",
        },
        "unet": {},
        "emoji": {
            **EMOJI,
            "guided_to": 0.9,
            "rates": (0.05, 0.025),
            "layers": ("up_blocks.1.attentions.1.transformer_blocks.0.attn1",),  # 8 x 8 places
        },
    }
    search: ClassVar[Mapping[str, Space]] = {
        "guided_to": Range(0.67, 0.95),
        "iterations": Choices(3, 5, 10),
        "rates": Choices(
            (0.002, 0.001), (0.005, 0.0025), (0.01, 0.005), (0.02, 0.01), (0.05, 0.025)
        ),
    }
    families: ClassVar[Mapping[str, Support]] = {
        "unet-3d": ported("attention within frames, multiplied across frames by us"),
        "wan": ported("the joint attention of the middle block"),
        "cogvideox": original("the joint attention of block 20 (5B) or 15 (2B)"),
    }
    card = Card(
        title="DiTFlow (attention motion flow)",
        kind="baseline",
        paper="Pondaven et al., CVPR 2025, https://arxiv.org/abs/2412.07776",
        code="https://github.com/ditflow/ditflow",
        licence="Apache-2.0",
        notes=(
            "Reimplemented from the paper. On CogVideoX and Wan, queries and keys are those of "
            "the joint attention, normalised and with positions. A 3D UNet's spatial attention "
            "stays within a frame, so queries of each frame are multiplied there with keys of "
            "every frame, though the network itself never compares them. Optimises the latent. "
            "Not included: the optimised position embeddings and the reference's keys and values "
            "in block 0. The default prompt prefix and negative prompt are those of SMM."
        ),
        backbone=BACKBONES,
        original="CogVideoX 2B and 5B",
        values="the published configuration",
        tuned=SEARCHED,
    )

    def check_model(self) -> None:
        """Test the layers once before any clip is processed."""
        x, text = small_input(self.backbone)
        with torch.no_grad():
            self._logits(x, 0, text)

    def refer(self, x: Latent, sources: Sequence[Source]) -> Reference:
        """Hard flow of the clean latents, in one pass without a prompt."""
        text = self.backbone.embed([""] * len(x))
        found = self._logits(
            x, self.backbone.schedule.nearest(self.parameters.reference_level), text
        )
        return {
            layer: hard_flow(logits, *grid_of(logits.shape[2], *x.shape[-2:]))
            for layer, logits in found.items()
        }

    def losses(
        self, x: Latent, t: Timestep, text: Text, reference: Reference
    ) -> Float[Tensor, " batch"]:
        """Mean over layers of the squared error of the soft flow."""
        losses = [
            flow_loss(
                soft_flow(
                    logits,
                    *grid_of(logits.shape[2], *x.shape[-2:]),
                    self.parameters.temperature,
                ),
                reference[layer],
            )
            for layer, logits in self._logits(x, t, text).items()
        ]
        return torch.stack(losses).mean(0)

    def _logits(self, x: Latent, t: Timestep, text: Text) -> dict[str, Attention]:
        denoiser = self.backbone.denoiser
        found = projections(
            denoiser, x, t, text, attention_layers(denoiser, self.parameters.layers)
        )
        time = latent_time(denoiser, x)
        return {layer: cross_frame_logits(one, len(x), time) for layer, one in found.items()}
