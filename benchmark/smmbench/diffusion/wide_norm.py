"""Group normalisation and GEGLU of frozen networks on a GPU.

PyTorch normalises each group by one block of threads; a temporal convolution has 32 groups of up to
22 million numbers, which leaves most of a large GPU idle. Here many blocks share a group, tensors
stay channels-last, and SiLU goes along. On the CPU, without Triton, under `torch.compile` and for
weights that learn, all of this is PyTorch's own.
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


def normalise(x: Images, norm: nn.GroupNorm, silu: bool = False) -> Images:
    """Group normalisation by the weights of `norm`, followed by SiLU or nothing.

    Equal to PyTorch's to the rounding of the inputs' type.
    """
    if _wide(x, norm):
        return _Normalise.apply(
            x.contiguous(memory_format=torch.channels_last),
            norm.weight,
            norm.bias,
            norm.num_groups,
            norm.eps,
            silu,
        )
    y = F.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return F.silu(y) if silu else y


def geglu(x: Float[Tensor, "*place twice"]) -> Float[Tensor, "*place once"]:
    """The first half of the channels, times GELU of the second."""
    if _by_kernels(x):
        return _Geglu.apply(x.contiguous())
    value, gate = x.chunk(2, dim=-1)
    return value * F.gelu(gate)


class WideGroupNorm(nn.GroupNorm):
    """A group normalisation whose images (four axes) go by `normalise`."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return normalise(x, self) if x.ndim == 4 else super().forward(x)


def _wide(x: Tensor, norm: nn.GroupNorm) -> bool:
    affine = norm.weight is not None and norm.bias is not None
    return affine and not norm.weight.requires_grad and _by_kernels(x)


def _by_kernels(x: Tensor) -> bool:
    """Whether our kernels serve this tensor."""
    known = x.dtype in (torch.float16, torch.bfloat16, torch.float32)
    return x.is_cuda and known and not torch.compiler.is_compiling() and _triton()


@cache
def _triton() -> bool:
    """Triton builds its launchers by a C compiler; without one PyTorch's own layers serve."""
    compilers = ("cc", "gcc", "clang")
    compiler = os.environ.get("CC") or any(shutil.which(name) for name in compilers)
    return find_spec("triton") is not None and bool(compiler)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, silu: bool
    ) -> Tensor:
        from smmbench.diffusion import kernels

        with torch.cuda.device_of(x):
            y, moments = kernels.normalise(x, weight, bias, groups, eps, silu)
        ctx.save_for_backward(
            x, weight, moments.scale, moments.shift, moments.mean, moments.inverse
        )
        ctx.silu = silu
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        from smmbench.diffusion import kernels

        x, weight, *moments = ctx.saved_tensors
        slope = slope.contiguous(memory_format=torch.channels_last)
        with torch.cuda.device_of(x):
            found = kernels.normalise_backward(
                slope, x, weight, kernels.Moments(*moments), ctx.silu
            )
        return found, None, None, None, None, None


class _Geglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        from smmbench.diffusion import kernels

        ctx.save_for_backward(x)
        with torch.cuda.device_of(x):
            return kernels.geglu(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        from smmbench.diffusion import kernels

        (x,) = ctx.saved_tensors
        with torch.cuda.device_of(x):
            return kernels.geglu_backward(slope.contiguous(), x)
