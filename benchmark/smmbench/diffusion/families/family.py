"""The interface of a family of backbones: how to call the network, and how layers are arranged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

Latent = Float[Tensor, "batch channel time rows columns"]
Text = Float[Tensor, "batch token width"]
Feature = Float[Tensor, "batch _time _channel _rows _columns"]  # layers differ in size
Tokens = Float[Tensor, "batch token width"]
Heads = Float[Tensor, "batch head place _each"]


class Family(ABC):
    """One family of text-to-video networks; it holds no state.

    Attributes:
        name: Short name, as tables show it.
        title: Full name, with the members of the family.
        part: The folder of the network within a model's folder.
        network: Name of its class in diffusers.
        pipelines: Names of the pipelines in diffusers that run it as we do, from text alone.
        patch: Axes (time, height, width) over which a network joins places into one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    part: ClassVar[str] = "transformer"
    network: ClassVar[str]
    pipelines: ClassVar[tuple[str, ...]]

    @abstractmethod
    def call(self, network: nn.Module, x: Latent, t: int | float | Tensor, text: Text) -> Latent:
        """The network's output for latents at timestep t; all in the network's own type."""

    @abstractmethod
    def unfold(self, network: nn.Module, output: Tensor, layer: str, x: Latent) -> Feature:
        """Rearrange a layer's output to features of frames.

        Raises:
            LookupError: The output is not such features.
        """

    @abstractmethod
    def blocks(self, network: nn.Module) -> tuple[str, ...]:
        """Names of the blocks whose outputs methods compare, in order."""

    def middle(self, network: nn.Module) -> tuple[str, ...]:
        """The middle block, which represents motion best in transformers."""
        names = self.blocks(network)
        return (names[len(names) // 2],)

    def attention(self, block: str) -> str:
        """Name of a block's self-attention over space and time jointly.

        Raises:
            LookupError: The family has no such attention.
        """
        raise LookupError(f"A {self.title} has no joint attention over space and time.")

    def attended(
        self, network: nn.Module, attention: Any, q: Tokens, k: Tokens, x: Latent
    ) -> tuple[Heads, Heads]:
        """Queries and keys of such an attention, from the outputs of its `to_q` and `to_k`.

        They are normalised and include positions; the tokens of a text are left out.

        Raises:
            LookupError: The family has no such attention.
        """
        raise LookupError(f"A {self.title} has no joint attention over space and time.")

    @abstractmethod
    def dtype(self, network: nn.Module) -> torch.dtype:
        """The type in which latents and text enter the network."""

    def patch(self, network: nn.Module) -> tuple[int, int, int]:
        """How many latent positions one position of the network covers: time, rows, columns."""
        return 1, 1, 1

    def in_channels(self, network: nn.Module) -> int:
        """Channels of the latents."""
        untyped: Any = network
        return int(untyped.config.in_channels)

    @abstractmethod
    def text_width(self, network: nn.Module) -> int:
        """Width of the text states that it accepts."""

    def check(self, network: nn.Module) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse a member of the family that needs more than latents, a timestep and a text.

        Raises:
            ValueError: The network needs more.
        """


def split_heads(tokens: Tokens, heads: int) -> Float[Tensor, "batch head token _each"]:
    """Split the width into attention heads."""
    return torch.unflatten(tokens, -1, (heads, -1)).movedim(2, 1)


def rotated(x: Heads, cosine: Tensor, sine: Tensor) -> Heads:
    """Apply rotary positions to pairs of neighbours along the width."""
    from diffusers.models.embeddings import apply_rotary_emb

    untyped: Any = apply_rotary_emb
    found: Heads = untyped(x, (cosine, sine))
    return found


def token_grid(tokens: Tokens, patch: tuple[int, int, int], layer: str, x: Latent) -> Feature:
    """Arrange tokens (by frame, then row) as features; text tokens come first, if there are any.

    Raises:
        LookupError: There are fewer tokens than positions, or the axes are different.
    """
    time, rows, columns = (side // step for side, step in zip(x.shape[2:], patch, strict=True))
    places = time * rows * columns
    if tokens.ndim != 3 or len(tokens) != len(x) or tokens.shape[1] < places:
        raise LookupError(
            f"The output of the layer '{layer}' is not features of frames: for {time} x {rows} x "
            f"{columns} positions its shape is {tuple(tokens.shape)} instead of "
            f"({len(x)}, {places}, channel). Name a block, or a layer within one."
        )
    grid = torch.unflatten(tokens[:, tokens.shape[1] - places :], 1, (time, rows, columns))
    return grid.movedim(-1, 2)
