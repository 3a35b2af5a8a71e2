"""Queries and keys of named attention layers, and the quantities that two comparisons use.

The network's own attention does not expose its probabilities; they are recomputed here from the
outputs of its `to_q` and `to_k` layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from smmbench.diffusion.capture import capture, find_layers
from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.families import UNet3D
from smmbench.diffusion.schedule import Timestep

Tokens = Float[Tensor, "rows token width"]  # heads side by side along the width


@dataclass(frozen=True, eq=False)
class Projected:
    """Queries and keys of one attention layer.

    Attributes:
        q: Queries. Spatial layers fold time into the rows, temporal layers fold space.
        k: Keys, in the same layout.
        heads: Number of heads that share the width.
    """

    q: Tokens
    k: Tokens
    heads: int


def projections(
    denoiser: Denoiser, x: Latent, t: Timestep, text: Text, layers: Sequence[str]
) -> dict[str, Projected]:
    """Queries and keys of attention layers at timestep t; the layers after the last are not run.

    Args:
        denoiser: Network and schedule.
        x: Latents.
        t: Timestep.
        text: Text states.
        layers: Dotted names of attentions (`... .attn1`).

    Returns:
        By layer, in the precision of x.
    """
    names = [f"{layer}.{part}" for layer in layers for part in ("to_q", "to_k")]
    with capture(denoiser.network, names, stop=True) as found:
        denoiser.plain_output(x, t, text)
    modules = find_layers(denoiser.network, layers)
    return {
        layer: _projected(
            denoiser, modules[layer], found[f"{layer}.to_q"], found[f"{layer}.to_k"], x
        )
        for layer in layers
    }


def _projected(denoiser: Denoiser, attention: Any, q: Tensor, k: Tensor, x: Latent) -> Projected:
    """The layer's queries and keys; a transformer's tokens are folded like frames of a UNet."""
    heads = _heads(attention)
    if isinstance(denoiser.family, UNet3D):
        return Projected(q.to(x), k.to(x), heads)
    q, k = denoiser.family.attended(denoiser.network, attention, q, k, x)
    q, k = (one.to(x).movedim(1, 2).flatten(2) for one in (q, k))  # heads side by side
    rows = len(x) * latent_time(denoiser, x)
    return Projected(q.reshape(rows, -1, q.shape[-1]), k.reshape(rows, -1, k.shape[-1]), heads)


def latent_time(denoiser: Denoiser, x: Latent) -> int:
    """Number of latent frames as the network processes them; it may merge several."""
    return x.shape[2] // denoiser.family.patch(denoiser.network)[0]


def block_layers(denoiser: Denoiser) -> tuple[str, ...]:
    """The block whose output is compared: a UNet's second decoder block, else the middle one."""
    if isinstance(denoiser.family, UNet3D):
        return ("up_blocks.1",)
    return denoiser.family.middle(denoiser.network)


def attention_layers(denoiser: Denoiser, named: tuple[str, ...]) -> tuple[str, ...]:
    """The named attentions, or by default that of a middle block, where queries meet all keys."""
    if named:
        return named
    if isinstance(denoiser.family, UNet3D):
        return ("up_blocks.1.attentions.1.transformer_blocks.0.attn1",)
    (block,) = denoiser.family.middle(denoiser.network)
    return (denoiser.family.attention(block),)


def temporal_layers(network: nn.Module, block: str) -> tuple[str, ...]:
    """Names of the attentions over time in a block, in order.

    Raises:
        LookupError: The block has no attention over time.
    """
    names = tuple(
        name
        for name, _ in network.named_modules()
        if name.startswith(f"{block}.temp_attentions.") and name.endswith((".attn1", ".attn2"))
    )
    if not names:
        there = sorted(
            {name.split(".temp_attentions.")[0] for name, _ in network.named_modules()
             if ".temp_attentions." in name}
        )  # fmt: skip
        raise LookupError(
            f"The block '{block}' has no attention over time; blocks that have: {', '.join(there)}."
        )
    return names


def over_time_layers(denoiser: Denoiser, block: str) -> tuple[str, ...]:
    """Names of the attentions that compare a position with itself in other frames.

    Args:
        denoiser: The network.
        block: Block of the network; if empty, a UNet's second decoder block or else the middle
            one.

    Raises:
        LookupError: The block has no such attention.
    """
    (block,) = (block,) if block else block_layers(denoiser)
    if isinstance(denoiser.family, UNet3D):
        return temporal_layers(denoiser.network, block)
    layer = denoiser.family.attention(block)
    find_layers(denoiser.network, [layer])
    return (layer,)


def over_time(projected: Projected, denoiser: Denoiser, x: Latent) -> Projected:
    """Restrict an attention to comparisons over time: rows of positions, tokens of frames.

    A UNet's temporal attention already has this form. For a joint attention, each position is
    compared only with itself in the other frames.
    """
    if isinstance(denoiser.family, UNet3D):
        return projected
    frames = latent_time(denoiser, x)
    q, k = (
        torch.unflatten(side, 0, (-1, frames)).transpose(1, 2).flatten(0, 1)
        for side in (projected.q, projected.k)
    )
    return Projected(q, k, projected.heads)


def probabilities(projected: Projected) -> Float[Tensor, "rows head token token"]:
    """The attention probabilities: softmax over keys of q k^T / sqrt(width of a head)."""
    q, k = (
        torch.unflatten(side, -1, (projected.heads, -1)).movedim(2, 1)
        for side in (projected.q, projected.k)
    )
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)


def cross_frame_logits(
    projected: Projected, batch: int, frames: int
) -> Float[Tensor, "batch moment place moment place"]:
    """Logits of each position of each frame to each position of each frame, averaged over heads.

    Args:
        projected: Of an attention over space, with time folded into its rows.
        batch: Number of clips.
        frames: Number of frames of each clip.

    Raises:
        LookupError: The rows are not the clips' frames, so the attention is over time.
    """
    if len(projected.q) != batch * frames:
        raise LookupError(
            f"An attention over space has {batch} x {frames} rows, one per frame; this one has "
            f"{len(projected.q)}, so it is over time: name one of `attentions`, not of "
            "`temp_attentions`."
        )
    q, k = (
        torch.unflatten(side, 0, (batch, -1)).flatten(1, 2) for side in (projected.q, projected.k)
    )
    # The mean over heads of the heads' products is the product over the whole width.
    scale = projected.heads * math.sqrt(q.shape[-1] / projected.heads)
    logits = (q / scale) @ k.mT  # scaled first, since a scaled copy of the logits is large
    return torch.unflatten(torch.unflatten(logits, 2, (frames, -1)), 1, (frames, -1))


def grid_of(places: int, rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of a layer with this number of positions, from those of the latent.

    Each level of the network halves both, rounding up.

    Raises:
        ValueError: No level of this latent has that many positions.
    """
    size = rows, columns
    while size[0] * size[1] > places:
        size = (size[0] + 1) // 2, (size[1] + 1) // 2
    if size[0] * size[1] != places:
        raise ValueError(f"No level of a {rows}x{columns} latent has {places} positions.")
    return size


def _heads(attention: nn.Module) -> int:
    heads = getattr(attention, "heads", None)
    if not isinstance(heads, int):
        raise LookupError(
            f"{type(attention).__name__} is not an attention layer (it has no number of heads); "
            "name one that ends in `.attn1`."
        )
    return heads
