"""Half the memory of a guided step: layers keep their inputs and are computed again backwards."""

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
from torch.utils.checkpoint import checkpoint

LAYERS = (
    ResnetBlock2D,
    TemporalConvLayer,
    Transformer2DModel,
    TransformerTemporalModel,
    WanTransformerBlock,
    CogVideoXBlock,
)


def checkpoint_layers(network: nn.Module) -> None:
    """Let each large layer of a network that is nobody else's forget what it can compute again.

    diffusers' 3D blocks have no checkpointing of their own. A guided step takes about one forward
    pass more; results are the same.
    """
    for module in network.modules():
        if isinstance(module, LAYERS):
            setattr(module, "forward", _forgetful(module.forward))  # noqa: B010 - a method, to mypy


def _forgetful(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)

    return run
