"""Less memory of a guided step: layers keep little and are computed again backwards."""

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
"""Blocks of transformers whose attention joins space and time."""

LAYERS = (
    ResnetBlock2D,
    TemporalConvLayer,
    Transformer2DModel,
    TransformerTemporalModel,
    *BLOCKS,
)

Forward = Callable[..., Any]
Run = Callable[..., Any]
"""From a layer's own `forward`, the layer and its inputs to its output."""

_aten: Any = torch.ops.aten
ATTENTIONS = (
    _aten._scaled_dot_product_flash_attention.default,
    _aten._scaled_dot_product_efficient_attention.default,
    _aten._scaled_dot_product_cudnn_attention.default,
    _aten._scaled_dot_product_flash_attention_for_cpu.default,
)
"""Kernels of attention: two thirds of the arithmetic of a long clip's pass."""


def checkpoint_layers(network: nn.Module) -> None:
    """Let each large layer of a network that is nobody else's forget what it can compute again.

    diffusers' 3D blocks have no checkpointing of their own. A guided step takes about one forward
    pass more; results are the same.
    """
    for module in network.modules():
        if isinstance(module, LAYERS):
            set_forward(module, forgetting)


def checkpoint_all_but_attention(network: nn.Module) -> None:
    """Let a transformer's blocks keep nothing for gradients but what enters them and attends.

    The rest (projections, normalisations, the feed-forward layer with its six-fold width) takes
    nine tenths of the memory and, over a long clip, less than a third of the arithmetic.
    """
    for module in network.modules():
        if isinstance(module, BLOCKS):
            set_forward(module, keeping_attention)


def set_forward(module: nn.Module, run: Run) -> None:
    """Run a layer by a function of its own `forward`, itself and its inputs."""
    own: Forward = type(module).forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return run(own, module, *args, **kwargs)

    setattr(module, "forward", forward)  # noqa: B010 - a method, to mypy


def forgetting(own: Forward, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """A layer that keeps its inputs alone."""
    if not torch.is_grad_enabled():
        return own(module, *args, **kwargs)

    def forward(*args: Any, **kwargs: Any) -> Any:
        return own(module, *args, **kwargs)

    return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)


def keeping_attention(own: Forward, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """A block that keeps its inputs and what its self-attention gave."""
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
    """Keep attention among the clip's own tokens; that to the text has few keys and is cheap."""
    if operator in ATTENTIONS and args[0].shape[-2] == args[1].shape[-2]:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE
