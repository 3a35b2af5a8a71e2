"""Transformer blocks of frozen weights on the CPU, with the same weights and names.

A block with a hook inside, with weights that learn or with attention of another's making runs as
diffusers wrote it.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock, FeedForward
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from jaxtyping import Float
from torch import Tensor, nn

from smmbench.diffusion.frozen import Product, gated, kept, packs
from smmbench.diffusion.frozen import attention as among

Tokens = Float[Tensor, "_sample _token _channel"]
Untyped = Any  # diffusers' classes, whose own types leave out what they inherit


class FrozenLinear(nn.Linear):
    """A linear layer that keeps nothing for its backward pass."""

    def forward(self, input: Tensor) -> Tensor:
        """Multiply."""
        if not packs(input, self.weight, self.bias):
            return super().forward(input)
        return _product(self)(input)


class FrozenBlock(BasicTransformerBlock):
    """Self-attention, attention to the text or to itself again, and a gated network."""

    def forward(
        self,
        hidden_states: Tokens,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tokens | None = None,
        encoder_attention_mask: Tensor | None = None,
        *args: Any,
        **others: Any,
    ) -> Tokens:
        """Add what attention and the network find, one after the other."""
        x, text = hidden_states, encoder_hidden_states
        masked = attention_mask is not None or encoder_attention_mask is not None
        if masked or not _whole(self, x) or not _readable(self, text):
            return super().forward(x, attention_mask, text, encoder_attention_mask, *args, **others)
        block: Untyped = self
        x = _attend(block.attn1, block.norm1(x), x)
        normed = block.norm2(x)
        x = _attend(block.attn2, normed, x) if text is None else _read(block.attn2, normed, x, text)
        gate, _, out = block.ff.net
        return gated(block.norm3(x), *_halves(gate), _product(out), plus=x)


def fits(block: Untyped) -> bool:
    """Whether a block is configured as those of this family are."""
    attentions = (block.attn1, block.attn2)
    return (
        block.norm_type == "layer_norm"
        and block.pos_embed is None
        and not block.only_cross_attention
        and isinstance(block.ff, FeedForward)
        and all(type(attention) is Attention and _usual(attention) for attention in attentions)
    )


def _usual(attention: Untyped) -> bool:
    norms = ("spatial_norm", "group_norm", "norm_q", "norm_k", "norm_cross", "added_kv_proj_dim")
    return (
        not any(getattr(attention, norm, None) for norm in norms)
        and not attention.residual_connection
        and attention.rescale_output_factor == 1
        and attention.inner_kv_dim == attention.inner_dim
    )


def _whole(block: nn.Module, x: Tensor) -> bool:
    """Whether nobody looks into the block or changed it."""
    if not packs(x):
        return False
    for part in block.modules():
        if part._forward_hooks or part._forward_pre_hooks or part._backward_hooks:
            return False
        weights = part._parameters.values()
        if any(weight is not None and weight.requires_grad for weight in weights):
            return False
        if isinstance(part, nn.Dropout) and part.training and part.p > 0:
            return False
        if isinstance(part, Attention) and not isinstance(part.processor, AttnProcessor2_0):
            return False
    return True


def _readable(block: Untyped, text: Tokens | None) -> bool:
    """Whether `_read` serves this text: frozen, and short for the width of the block."""
    if text is None:
        return True
    attention = block.attn2
    return not text.requires_grad and attention.heads * text.shape[1] <= 2 * attention.inner_dim


def _product(layer: nn.Linear) -> Product:
    weights = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
    return kept(layer, "product", weights, lambda: Product(layer.weight, layer.bias))


def _halves(geglu: Untyped) -> tuple[Product, Product]:
    """Of a GEGLU: the product of its values and that of its gates."""
    weight, bias = geglu.proj.weight, geglu.proj.bias

    def make() -> tuple[Product, Product]:
        value, gate = zip(weight.chunk(2), bias.chunk(2), strict=True)
        return Product(*value), Product(*gate)

    return kept(geglu, "halves", (weight, bias), make)


def _attend(attention: Untyped, x: Tokens, plus: Tokens) -> Tokens:
    """Attention of all tokens of a sample to each other, added to `plus`."""
    layers = (attention.to_q, attention.to_k, attention.to_v)
    weights = [layer.weight for layer in layers]
    together = kept(attention, "qkv", weights, lambda: Product(torch.cat(weights)))
    return _product(attention.to_out[0])(among(together(x), attention.heads), plus=plus)


def _read(attention: Untyped, x: Tokens, plus: Tokens, text: Tokens) -> Tokens:
    """Attention to the text, added to `plus`.

    Few tokens serve many queries, so that keys go into the weights of the queries, and values into
    those of the output: two plain products, with a softmax between.
    """
    text = _distinct(text)
    heads, out = attention.heads, attention.to_out[0]
    with torch.no_grad():
        keys, values = (
            torch.unflatten(layer(text), -1, (heads, -1)).transpose(1, 2)
            for layer in (attention.to_k, attention.to_v)
        )
        to_query = torch.unflatten(attention.to_q.weight, 0, (heads, -1)) * attention.scale
        from_value = torch.unflatten(out.weight, 1, (heads, -1)).permute(1, 2, 0)
        look = (keys @ to_query).flatten(1, 2).transpose(1, 2)  # batch channel head*token
        say = (values @ from_value).flatten(1, 2)  # batch head*token channel
    batch = len(text)
    scores = torch.unflatten(x.reshape(batch, -1, x.shape[-1]) @ look, -1, (heads, -1))
    found = torch.baddbmm(out.bias, scores.softmax(-1).flatten(2), say)
    return found.view_as(plus) + plus


_last: tuple[weakref.ref[Tensor], int, Tensor] | None = None


def _distinct(text: Tokens) -> Tokens:
    """One of each run of equal texts, if the runs are of one length: each frame has its clip's."""
    global _last
    if _last is not None and _last[0]() is text and _last[1] == text._version:
        return _last[2]
    changes = (text[1:] != text[:-1]).flatten(1).any(1).nonzero().flatten() + 1
    starts = torch.cat([changes.new_zeros(1), changes])
    run = int(starts[1]) if len(starts) > 1 else len(text)
    even = len(text) % run == 0 and torch.equal(starts, torch.arange(0, len(text), run))
    distinct = text[::run] if even else text
    _last = weakref.ref(text), text._version, distinct
    return distinct
