"""CogVideoX: a v-prediction transformer over text and video jointly (arXiv 2408.06072)."""

from __future__ import annotations

from functools import lru_cache
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

Rotary = tuple[Tensor, Tensor]


class CogVideoX(Family):
    """Text tokens, then patch tokens by frame; blocks return both separately."""

    name = "cogvideox"
    title = "CogVideoX (2B, 5B and 1.5-5B)"
    network = "CogVideoXTransformer3DModel"
    pipelines = ("CogVideoXPipeline", "CogVideoXVideoToVideoPipeline")

    def call(self, network: nn.Module, x: Latent, t: int | float | Tensor, text: Text) -> Latent:
        """The network expects frames before channels."""
        when = torch.as_tensor(t, device=x.device).expand(len(x))
        found: Tensor = network(
            hidden_states=x.movedim(2, 1),
            encoder_hidden_states=text,
            timestep=when,
            image_rotary_emb=self.rotary(network, x),
            return_dict=False,
        )[0]
        return found.movedim(1, 2)

    def unfold(self, network: nn.Module, output: Tensor, layer: str, x: Latent) -> Feature:
        """Tokens are ordered by frame, then row; those of the text come first, if present."""
        return token_grid(output, self.patch(network), layer, x)

    def blocks(self, network: nn.Module) -> tuple[str, ...]:
        """All blocks."""
        untyped: Any = network
        return tuple(f"transformer_blocks.{i}" for i in range(len(untyped.transformer_blocks)))

    def attention(self, block: str) -> str:
        """Text and video tokens attend to one another."""
        return f"{block}.attn1"

    def attended(
        self, network: nn.Module, attention: Any, q: Tokens, k: Tokens, x: Latent
    ) -> tuple[Heads, Heads]:
        """Normalised in each head, and rotated by position if the model has rotary positions."""
        places = 1
        for side, step in zip(x.shape[2:], self.patch(network), strict=True):
            places *= side // step
        sides = ((q, attention.norm_q), (k, attention.norm_k))
        q, k = (norm(split_heads(one, attention.heads))[:, :, -places:] for one, norm in sides)
        rotary = self.rotary(network, x)
        return (rotated(q, *rotary), rotated(k, *rotary)) if rotary else (q, k)

    def dtype(self, network: nn.Module) -> torch.dtype:
        """The type of all its weights."""
        return next(network.parameters()).dtype

    def patch(self, network: nn.Module) -> tuple[int, int, int]:
        """Version 1.5 joins two frames; the other versions join none."""
        untyped: Any = network
        side = int(untyped.config.patch_size)
        return int(untyped.config.patch_size_t or 1), side, side

    def text_width(self, network: nn.Module) -> int:
        """Width before the projection of the text."""
        untyped: Any = network
        return int(untyped.config.text_embed_dim)

    def check(self, network: nn.Module) -> None:
        """Refuse the members that need an image."""
        untyped: Any = network
        config = untyped.config
        if config.ofs_embed_dim is not None or config.use_learned_positional_embeddings:
            raise ValueError(
                "This CogVideoX model also takes a first image, which is a different input "
                "contract; models here take text alone, such as CogVideoX-5b."
            )

    def rotary(self, network: nn.Module, x: Latent) -> Rotary | None:
        """Cosines and sines of the rotary positions; None for the 2B model, which has none."""
        untyped: Any = network
        config = untyped.config
        if not config.use_rotary_positional_embeddings:
            return None
        time, rows, columns = (
            side // step for side, step in zip(x.shape[2:], self.patch(network), strict=True)
        )
        side = config.patch_size
        base = config.sample_height // side, config.sample_width // side
        sliced = config.patch_size_t is not None
        return _rotary(
            config.attention_head_dim, (time, rows, columns), base, sliced, str(x.device)
        )


@lru_cache(maxsize=8)
def _rotary(
    width: int, grid: tuple[int, int, int], base: tuple[int, int], sliced: bool, device: str
) -> Rotary:
    """Rotary positions of a grid of tokens.

    Args:
        width: Width of a head.
        grid: Time, rows and columns of the tokens.
        base: Rows and columns on which the model was trained.
        sliced: Whether positions are a slice of the base's, as in version 1.5; otherwise they are
            stretched over its middle.
        device: Device of the result.
    """
    from diffusers.models.embeddings import get_3d_rotary_pos_embed
    from diffusers.pipelines.cogvideo.pipeline_cogvideox import get_resize_crop_region_for_grid

    time, rows, columns = grid
    where: dict[str, Any] = {"crops_coords": None, "grid_type": "slice", "max_size": base}
    if not sliced:
        crop = get_resize_crop_region_for_grid((rows, columns), base[1], base[0])
        where = {"crops_coords": crop}
    cosine, sine = get_3d_rotary_pos_embed(
        embed_dim=width,
        grid_size=(rows, columns),
        temporal_size=time,
        device=torch.device(device),
        **where,
    )
    return cosine, sine
