"""Gradient checkpointing: a guided step takes less memory because layers are recomputed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D, TemporalConvLayer
from diffusers.models.transformers.cogvideox_transformer_3d import CogVideoXBlock
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from diffusers.models.transformers.transformer_wan import WanTransformerBlock
from torch import nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

BLOCKS = (WanTransformerBlock, CogVideoXBlock)
"""Blocks of transformers whose attention is joint over space and time."""

LAYERS = (
    ResnetBlock2D,
    TemporalConvLayer,
    Transformer2DModel,
    TransformerTemporalModel,
    *BLOCKS,
)

Forward = Callable[..., Any]
Run = Callable[..., Any]
"""A function of a layer's own `forward`, the layer and its inputs that returns its output."""

_aten: Any = torch.ops.aten
ATTENTIONS = (
    _aten._scaled_dot_product_flash_attention.default,
    _aten._scaled_dot_product_efficient_attention.default,
    _aten._scaled_dot_product_cudnn_attention.default,
    _aten._scaled_dot_product_flash_attention_for_cpu.default,
)
"""Attention kernels, which do two thirds of the arithmetic of a long clip's pass."""


def checkpoint_layers(network: nn.Module) -> None:
    """Checkpoint each large layer of a network that belongs to the caller alone.

    diffusers' 3D blocks have no checkpointing of their own. A guided step takes about one more
    forward pass; results are the same.
    """
    for module in network.modules():
        if isinstance(module, LAYERS):
            set_forward(module, forgetting)


def checkpoint_all_but_attention(network: nn.Module) -> None:
    """Keep only the inputs and the attention outputs of a transformer's blocks for gradients.

    The rest (projections, normalisations, the feed-forward layer with its six-fold width) takes
    nine tenths of the memory and, over a long clip, less than a third of the arithmetic.
    """
    for module in network.modules():
        if isinstance(module, BLOCKS):
            set_forward(module, keeping_attention)


def set_forward(module: nn.Module, run: Run) -> None:
    """Replace a layer's `forward` by a function of that `forward`, the layer and its inputs."""
    own: Forward = type(module).forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return run(own, module, *args, **kwargs)

    setattr(module, "forward", forward)  # noqa: B010 - mypy refuses to assign to a method


def forgetting(own: Forward, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Run a layer that keeps only its inputs for the backward pass."""
    if not torch.is_grad_enabled():
        return own(module, *args, **kwargs)

    def forward(*args: Any, **kwargs: Any) -> Any:
        return own(module, *args, **kwargs)

    return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)


def keeping_attention(own: Forward, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Run a block that keeps its inputs and the output of its self-attention."""
    if not torch.is_grad_enabled():
        return own(module, *args, **kwargs)

    def forward(*args: Any, **kwargs: Any) -> Any:
        return own(module, *args, **kwargs)

    return checkpoint(
        forward,
        *args,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=_keep_attention,
        **kwargs,
    )


def _keep_attention() -> Any:
    return create_selective_checkpoint_contexts(_policy)


def _policy(_context: Any, operator: Any, *args: Any, **_kwargs: Any) -> CheckpointPolicy:
    """Keep attention among the clip's own tokens; attention to the text is cheap (few keys)."""
    if operator in ATTENTIONS and args[0].shape[-2] == args[1].shape[-2]:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE
