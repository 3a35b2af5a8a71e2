"""Linear layers of a transformer in 8 bits: half the memory for weights, and faster products.

This is lossy, so it is an option of its own. Weights are rounded once to e4m3, with one factor per
output; inputs are rounded at each call, with one factor per token. Gradients with respect to the
input are products of the rounded weights, computed in the wide type.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from smmbench.diffusion.acceleration.checkpointing import BLOCKS

LARGEST = 448.0
"""Of e4m3."""

Rows = Float[Tensor, "row _width"]


class Float8Linear(nn.Module):
    """Replaces a frozen linear layer.

    Args:
        linear: The layer.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        rounded, scale = to_float8(linear.weight.data)
        self.register_buffer("weight", rounded)
        self.register_buffer("scale", scale)
        self.bias = linear.bias
        self.in_features, self.out_features = linear.in_features, linear.out_features

    def forward(self, x: Tensor) -> Tensor:
        """Multiply."""
        rows = x.reshape(-1, x.shape[-1])
        found: Tensor = _Product.apply(rows, self.weight, self.scale)
        if self.bias is not None:
            found = found + self.bias
        return found.reshape(*x.shape[:-1], -1)


def to_float8(x: Rows) -> tuple[Rows, Float[Tensor, "row 1"]]:
    """Round each row to 8 bits after dividing it by its factor; return the rows and the factors."""
    scale = x.abs().amax(-1, keepdim=True).float().clamp(min=1e-12) / LARGEST
    return (x / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale


def float8_blocks(network: nn.Module, device: torch.device) -> None:
    """Round the linear layers of a transformer's blocks to 8 bits, in place.

    Raises:
        RuntimeError: This device cannot multiply 8-bit numbers.
    """
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 9):
        raise RuntimeError(
            f"float8 needs a GPU of compute capability 8.9 or above (Ada, Hopper), "
            f"{torch.cuda.get_device_name(device)} has "
            f"{'.'.join(map(str, torch.cuda.get_device_capability(device)))}: set float8=false."
        )
    for block in (one for one in network.modules() if isinstance(one, BLOCKS)):
        for parent in list(block.modules()):
            for name, part in list(parent.named_children()):
                if type(part) is nn.Linear and not part.weight.requires_grad:
                    setattr(parent, name, Float8Linear(part))


class _Product(torch.autograd.Function):
    """x w^T, for rows x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(weight, scale)
        if not x.is_cuda or x.dtype != torch.bfloat16:  # only a GPU multiplies it in 8 bits
            rounded, factor = to_float8(x)
            near = rounded.to(x.dtype) * factor.to(x.dtype)
            return near @ (weight.to(x.dtype) * scale.to(x.dtype)).mT
        rounded, factor = to_float8(x)
        untyped: Any = torch
        found: Tensor = untyped._scaled_mm(
            rounded, weight.mT, scale_a=factor, scale_b=scale.mT, out_dtype=x.dtype
        )
        return found

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        weight, scale = ctx.saved_tensors
        return slope @ (weight.to(slope.dtype) * scale.to(slope.dtype)), None, None
