"""Normalisations, sums and GEGLU of frozen networks on a GPU.

PyTorch normalises each group with one block of threads; a temporal convolution has 32 groups of
up to 22 million numbers, which leaves most of a large GPU idle. Here many blocks share a group,
tensors stay channels-last, and SiLU and the bias of the preceding convolution are included. On the
CPU, without Triton, under `torch.compile` and for trainable weights, PyTorch's layers are used.
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Images = Float[Tensor, "sample channel rows columns"]


def normalise(
    x: Images,
    norm: nn.GroupNorm,
    silu: bool = False,
    added: Float[Tensor, "#sample channel"] | None = None,
) -> Images:
    """Group normalisation with the weights of `norm`, optionally followed by SiLU.

    The result equals PyTorch's up to the rounding of the inputs' type.

    Args:
        x: Converted to channels-last if it is not.
        norm: Its weights, groups and epsilon.
        silu: Whether SiLU follows.
        added: Added to x first, by sample and channel, such as the bias of a convolution.
    """
    if _wide(x, norm) and (added is None or not added.requires_grad):
        if added is not None:
            added = added.float().expand(len(x), -1).contiguous()
        return _Normalise.apply(
            x.contiguous(memory_format=torch.channels_last),
            norm.weight,
            norm.bias,
            norm.num_groups,
            norm.eps,
            silu,
            added,
        )
    if added is not None:
        x = x + added[:, :, None, None]
    y = F.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return F.silu(y) if silu else y


def add(x: Images, y: Images, bias: Float[Tensor, " channel"] | None) -> Images:
    """Sum of two images and, if given, a bias of each channel."""
    if bias is None:
        return x + y
    if by_kernels(x) and x.shape == y.shape and x.dtype == y.dtype and not bias.requires_grad:
        last = torch.channels_last
        return _Sum.apply(x.contiguous(memory_format=last), y.contiguous(memory_format=last), bias)
    return x + (y + bias[:, None, None])


def geglu(x: Float[Tensor, "*place twice"]) -> Float[Tensor, "*place once"]:
    """The first half of the channels times GELU of the second."""
    if by_kernels(x):
        return _Geglu.apply(x.contiguous())
    value, gate = x.chunk(2, dim=-1)
    return value * F.gelu(gate)


class WideGroupNorm(nn.GroupNorm):
    """A group normalisation that applies `normalise` to images (four axes)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return normalise(x, self) if x.ndim == 4 else super().forward(x)


class WideLayerNorm(nn.LayerNorm):
    """A normalisation of each row, with several rows per block of threads."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        if self.normalized_shape == x.shape[-1:] and _wide(x, self):
            return _LayerNorm.apply(x.contiguous(), self.weight, self.bias, self.eps)
        return super().forward(x)


def _wide(x: Tensor, norm: nn.GroupNorm | nn.LayerNorm) -> bool:
    affine = norm.weight is not None and norm.bias is not None
    return affine and not norm.weight.requires_grad and by_kernels(x)


def by_kernels(x: Tensor) -> bool:
    """Whether our kernels can process this tensor."""
    known = x.dtype in (torch.float16, torch.bfloat16, torch.float32) and x.numel() > 0
    return x.is_cuda and known and not torch.compiler.is_compiling() and _triton()


@cache
def _triton() -> bool:
    """Triton builds its launchers with a C compiler; without one PyTorch's own layers are used."""
    compilers = ("cc", "gcc", "clang")
    compiler = os.environ.get("CC") or any(shutil.which(name) for name in compilers)
    return find_spec("triton") is not None and bool(compiler)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        groups: int,
        eps: float,
        silu: bool,
        added: Tensor | None,
    ) -> Tensor:
        from smmbench.diffusion.acceleration import kernels

        with torch.cuda.device_of(x):
            y, moments = kernels.normalise(x, weight, bias, groups, eps, silu, added)
        found = moments.scale, moments.shift, moments.mean, moments.inverse
        ctx.save_for_backward(x, weight, *found, added)
        ctx.silu = silu
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        from smmbench.diffusion.acceleration import kernels

        x, weight, *found = ctx.saved_tensors
        slope = slope.contiguous(memory_format=torch.channels_last)
        moments = kernels.Moments(*found)
        with torch.cuda.device_of(x):
            of_x = kernels.normalise_backward(slope, x, weight, moments, ctx.silu)
        return of_x, None, None, None, None, None, None


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        from smmbench.diffusion.acceleration import kernels

        with torch.cuda.device_of(x):
            y, moments = kernels.layer_norm(x, weight, bias, eps)
        ctx.save_for_backward(x, weight, moments)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        from smmbench.diffusion.acceleration import kernels

        x, weight, moments = ctx.saved_tensors
        with torch.cuda.device_of(x):
            of_x = kernels.layer_norm_backward(slope.contiguous(), x, weight, moments)
        return of_x, None, None, None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, bias: Tensor) -> Tensor:
        from smmbench.diffusion.acceleration import kernels

        with torch.cuda.device_of(x):
            return kernels.sum_with_bias(x, y, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        return slope, slope, None


class _Geglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        from smmbench.diffusion.acceleration import kernels

        ctx.save_for_backward(x)
        with torch.cuda.device_of(x):
            return kernels.geglu(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        from smmbench.diffusion.acceleration import kernels

        (x,) = ctx.saved_tensors
        with torch.cuda.device_of(x):
            return kernels.geglu_backward(slope.contiguous(), x)
