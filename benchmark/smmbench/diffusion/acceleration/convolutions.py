"""Convolutions with frozen weights: what they store for a backward pass, and how it is computed."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from smmbench.diffusion.acceleration.wide_norm import by_kernels

Frames = Float[Tensor, "batch_time _channel _rows _columns"]  # convolutions change these
Untyped = Any  # a 2D convolution, or a 3D one over time


class FrozenConv2d(nn.Conv2d):
    """A convolution that stores only its frozen weights for the backward pass."""

    def forward(self, x: Frames) -> Frames:
        """Convolve."""
        return convolve(x, self.weight, self.bias, self) if is_plain(self) else super().forward(x)


def is_plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution has the configuration that all layers of this family share."""
    zeros = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return zeros and conv.groups == 1 and conv.dilation == (1, 1)


def convolve(x: Frames, weight: Tensor, bias: Tensor | None, conv: Untyped) -> Frames:
    """Convolve with the settings of `conv`, storing only the weights if none of them is trained."""
    stride, padding = conv.stride[:2], conv.padding[:2]
    learns = weight.requires_grad or (bias is not None and bias.requires_grad)
    graph = x.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling()
    if graph and not learns:
        return _FrozenConvolution.apply(x, weight, bias, stride, padding)
    return F.conv2d(x, weight, bias, stride, padding)


def without_bias(
    x: Frames, weight: Tensor, bias: Tensor | None, conv: Untyped
) -> tuple[Frames, Tensor | None]:
    """Return a convolution and its bias separately if the next kernel can add it; else the sum."""
    if bias is None or bias.requires_grad or not by_kernels(x):
        return convolve(x, weight, bias, conv), None
    return convolve(x, weight, None, conv), bias


class _FrozenConvolution(torch.autograd.Function):
    """PyTorch's own stores its input for the gradient of the weights, which is not needed here."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.stride, ctx.padding = x.shape, stride, padding
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        found = slope_of_input(slope, weight, ctx.shape, ctx.stride, ctx.padding)
        return found, None, None, None, None


TURNED_BELOW = 1280
"""Number of channels from which cuDNN's own gradient is faster in the few such layers of ZeroScope.

If every width had the same number of values, turned weights would be faster in float16 here too
(`benchmark/perf/turned_weights.py`).
"""


def slope_of_input(
    slope: Frames, weight: Tensor, shape: torch.Size, stride: Any, padding: Any
) -> Frames:
    """The gradient with respect to a convolution's input, by the faster way on this device."""
    few = slope.is_cuda and max(weight.shape[:2]) < TURNED_BELOW
    return (
        by_turned_weights(slope, weight, padding)
        if few and turns(weight, stride, padding)
        else conv2d_input(shape, weight, slope, stride, padding)
    )


def turns(weight: Tensor, stride: Any, padding: Any) -> bool:
    """Whether the input's gradient is itself a convolution: the stride must be one on each axis."""
    kernel = weight.shape[-2:]
    return tuple(stride) == (1, 1) and all(p < k for p, k in zip(padding, kernel, strict=True))


def by_turned_weights(slope: Frames, weight: Tensor, padding: Any) -> Frames:
    """The gradient with respect to the input of a convolution of stride one, as a convolution.

    Each weight w[o, i, a, b] carries x[i, y + a, x + b] to output o, and so its gradient back: with
    the kernel rotated by 180 degrees, inputs and outputs exchanged, and the complementary padding.
    """
    turned = weight.flip(-2, -1).transpose(0, 1).contiguous(memory_format=torch.channels_last)
    rest = [k - 1 - p for k, p in zip(weight.shape[-2:], padding, strict=True)]
    return F.conv2d(slope, turned, None, padding=rest)
