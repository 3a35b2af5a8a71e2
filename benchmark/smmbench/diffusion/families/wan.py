"""Wan: a flow-matching transformer whose self-attention joins space and time (arXiv 2503.20314)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from smmbench.diffusion.families.family import (
    Family,
    Feature,
    Heads,
    Latent,
    Text,
    Tokens,
    rotated,
    split_heads,
    token_grid,
)


class Wan(Family):
    """Tokens of patches, ordered by frame; text enters by cross-attention only."""

    name = "wan"
    title = "Wan (Wan2.1-T2V-1.3B and 14B)"
    network = "WanTransformer3DModel"
    pipelines = ("WanPipeline", "WanVideoToVideoPipeline")

    def call(self, network: nn.Module, x: Latent, t: int | float | Tensor, text: Text) -> Latent:
        """The timestep is 1000 sigma, one value per sample."""
        when = torch.as_tensor(t, dtype=torch.float32, device=x.device).expand(len(x))
        found: Latent = network(
            hidden_states=x, timestep=when, encoder_hidden_states=text, return_dict=False
        )[0]
        return found

    def unfold(self, network: nn.Module, output: Tensor, layer: str, x: Latent) -> Feature:
        """Tokens are ordered by frame, then row."""
        return token_grid(output, self.patch(network), layer, x)

    def blocks(self, network: nn.Module) -> tuple[str, ...]:
        """All blocks."""
        untyped: Any = network
        return tuple(f"blocks.{i}" for i in range(len(untyped.blocks)))

    def attention(self, block: str) -> str:
        """The self-attention; text has a separate attention."""
        return f"{block}.attn1"

    def attended(
        self, network: nn.Module, attention: Any, q: Tokens, k: Tokens, x: Latent
    ) -> tuple[Heads, Heads]:
        """Normalised over all heads, then rotated by space and time."""
        untyped: Any = network
        cosine, sine = (one.squeeze(0).squeeze(1) for one in untyped.rope(x))
        sides = ((q, attention.norm_q), (k, attention.norm_k))
        q, k = (
            rotated(split_heads(norm(one), attention.heads), cosine, sine) for one, norm in sides
        )
        return q, k

    def dtype(self, network: nn.Module) -> torch.dtype:
        """The type of the patch embedding; normalisations and the time embedding may be float32."""
        untyped: Any = network
        found: torch.dtype = untyped.patch_embedding.weight.dtype
        return found

    def patch(self, network: nn.Module) -> tuple[int, int, int]:
        """As configured; (1, 2, 2) in Wan2.1."""
        untyped: Any = network
        time, rows, columns = untyped.config.patch_size
        return int(time), int(rows), int(columns)

    def text_width(self, network: nn.Module) -> int:
        """Width before the projection of the text."""
        untyped: Any = network
        return int(untyped.config.text_dim)

    def check(self, network: nn.Module) -> None:
        """Refuse the members that need an image."""
        untyped: Any = network
        if untyped.config.image_dim is not None or untyped.config.added_kv_proj_dim is not None:
            raise ValueError(
                "This Wan model also takes a first image (image_dim is set), which is a different "
                "input contract; models here take text alone, such as Wan2.1-T2V-1.3B."
            )
