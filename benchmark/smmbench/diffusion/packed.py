"""The layers of `layout` for the CPU: the same modules, by products with packed weights.

What is hooked, learns or is another's runs as it did; see `frozen`.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from diffusers.models.attention import BasicTransformerBlock
from jaxtyping import Float
from torch import Tensor, nn

from smmbench.diffusion.freed_memory import keep_freed_memory
from smmbench.diffusion.frozen import Convolution, kept, packs
from smmbench.diffusion.frozen_attention import FrozenBlock, FrozenLinear, fits
from smmbench.diffusion.layout import FrozenConv2d, LastTemporalConv

Frames = Float[Tensor, "batch_time _channel _rows _columns"]  # convolutions change these
Untyped = Any  # diffusers' classes, whose own types leave out what they inherit

LARGEST = 2**28
"""Bytes of weights up to which a network keeps them packed too, for both directions."""


def pack(unet: nn.Module) -> None:
    """Let a channels-last UNet that is nobody else's compute on the CPU, in place.

    A network with more weights than `LARGEST` stays as it is, for the sake of memory.
    """
    keep_freed_memory()
    if sum(weight.nbytes for weight in unet.parameters()) > LARGEST:
        return
    for module in unet.modules():
        ours = _OURS.get(type(module))
        if ours is not None and _fits(module):
            module.__class__ = ours


class PackedConv2d(nn.Conv2d):
    """A convolution of images."""

    def forward(self, input: Frames) -> Frames:
        """Convolve."""
        if not packs(input, self.weight, self.bias):
            return super().forward(input)
        return _convolution(self)(input)


class PackedTemporalConv(LastTemporalConv):
    """Convolutions over time, as convolutions of images of time x place."""

    def forward(self, hidden_states: Frames, num_frames: int = 1) -> Frames:
        """Add to each frame what the convolutions make of its neighbours."""
        parts = [part for part in self.modules() if part is not self]
        hooked = any(part._forward_hooks or part._forward_pre_hooks for part in parts)
        if hooked or not packs(hidden_states, *self.parameters()):
            return super().forward(hidden_states, num_frames)
        frames, channels, rows, columns = hidden_states.shape
        last = hidden_states.permute(0, 2, 3, 1)
        identity = last.reshape(-1, num_frames, rows * columns, channels).permute(0, 3, 1, 2)
        x = identity
        for stage in (self.conv1, self.conv2, self.conv3, self.conv4):
            norm: Untyped = stage[0]
            x = F.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
            x = _convolution(stage[-1])(F.silu(x))
        last = (identity + x).permute(0, 2, 3, 1)
        return last.reshape(frames, rows, columns, channels).permute(0, 3, 1, 2)


_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: FrozenLinear,
    FrozenConv2d: PackedConv2d,
    LastTemporalConv: PackedTemporalConv,
    BasicTransformerBlock: FrozenBlock,
}


def _fits(module: Untyped) -> bool:
    if isinstance(module, nn.Conv2d):
        zeros = module.padding_mode == "zeros" and not isinstance(module.padding, str)
        return zeros and module.groups == 1 and module.dilation == (1, 1)
    return fits(module) if isinstance(module, BasicTransformerBlock) else True


def _convolution(conv: Untyped) -> Convolution:
    """Of an `nn.Conv2d`, or of an `nn.Conv3d` over time alone."""

    def make() -> Convolution:
        weight = conv.weight.squeeze(-1) if conv.weight.ndim == 5 else conv.weight
        return Convolution(weight, conv.bias, conv.stride[:2], conv.padding[:2])

    weights = [weight for weight in (conv.weight, conv.bias) if weight is not None]
    return kept(conv, "convolution", weights, make)
