"""Products with frozen weights on the CPU, by oneDNN with the weights packed once.

PyTorch's layers bring their weights into the order of the processor's kernels at each call, keep
what only a gradient of the weights would need, and pass over memory once more for each activation
and each sum. Here weights are packed at their first use, and activations and sums go along with the
product. What learns, and what is not float32 on a CPU of this kind, is PyTorch's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input

from smmbench.diffusion import winograd

Rows = Float[Tensor, "*_place _channel"]  # products change the channels
Tokens = Float[Tensor, "_sample _token _channel"]
Frames = Float[Tensor, "batch_time _channel _rows _columns"]
_ops: Any = torch.ops.mkldnn


def packs(x: Tensor, *weights: Tensor | None) -> bool:
    """Whether these weights serve this tensor packed."""
    here = x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0
    frozen = not any(w is not None and w.requires_grad for w in weights)
    return here and frozen and not torch.compiler.is_compiling() and _packing()


@cache
def _packing() -> bool:
    """Whether PyTorch has the operations that its own compiler packs with, since 2.0.

    Should they go, PyTorch's layers serve.
    """
    names = ("_linear_pointwise", "_reorder_linear_weight", "_convolution_pointwise")
    return torch.backends.mkldnn.is_available() and all(hasattr(_ops, name) for name in names)


_kept: WeakKeyDictionary[nn.Module, dict[Any, Any]] = WeakKeyDictionary()


Made = TypeVar("Made")


def kept(
    owner: nn.Module, name: object, weights: Sequence[Tensor], make: Callable[[], Made]
) -> Made:
    """What was made of a layer's weights before; made anew once they were changed or replaced.

    Writing through `weight.data` is not seen.
    """
    stamp = [(weight.data_ptr(), weight._version) for weight in weights]
    mine = _kept.setdefault(owner, {})
    found = mine.get(name)
    if found is None or found[0] != stamp:
        with torch.no_grad():
            found = mine[name] = stamp, make()
    made: Made = found[1]
    return made


class Product:
    """x W^T + b."""

    def __init__(
        self, weight: Float[Tensor, "out in"], bias: Float[Tensor, " out"] | None = None
    ) -> None:
        self.weight = weight.detach()
        self.bias = None if bias is None else bias.detach()

    @cached_property
    def _forward(self) -> Tensor:
        return _ops._reorder_linear_weight(self.weight.contiguous())

    @cached_property
    def _backward(self) -> Tensor:
        return _ops._reorder_linear_weight(self.weight.t().contiguous())

    def __call__(self, x: Rows, plus: Rows | None = None) -> Rows:
        """The product, and another tensor added to it."""
        if torch.is_grad_enabled() and (
            x.requires_grad or (plus is not None and plus.requires_grad)
        ):
            return _Multiply.apply(x, plus, self)
        return self.forward(x, plus)

    def forward(self, x: Rows, other: Rows | None = None, how: str = "add") -> Rows:
        """Without a graph; `how` is `add` or `mul`."""
        if other is None:
            return _ops._linear_pointwise(x, self._forward, self.bias, "none", [], "")
        return _ops._linear_pointwise.binary(x, other, self._forward, self.bias, how)

    def gelu(self, x: Rows) -> Rows:
        """GELU of the product, without a graph."""
        return _ops._linear_pointwise(x, self._forward, self.bias, "gelu", [], "none")

    def backward(self, slope: Rows, plus: Rows | None = None) -> Rows:
        """Gradient to x."""
        if plus is None:
            return _ops._linear_pointwise(slope, self._backward, None, "none", [], "")
        return _ops._linear_pointwise.binary(slope, plus, self._backward, None, "add")


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, plus: Tensor | None, product: Product) -> Tensor:
        ctx.product, ctx.plus = product, plus is not None
        return product.forward(x, plus)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        found = ctx.product.backward(slope.contiguous()) if ctx.needs_input_grad[0] else None
        return found, slope if ctx.plus else None, None


# Feed-forward ---------------------------------------------------------------------------------

AT_ONCE = 2**18
"""Numbers of a hidden layer that are worked on at a time: about what stays in a core's cache."""


def gated(x: Rows, value: Product, gate: Product, out: Product, plus: Rows) -> Rows:
    """GEGLU and the product after it, added to `plus`."""
    if torch.is_grad_enabled() and (x.requires_grad or plus.requires_grad):
        return out(_Gate.apply(x, value, gate), plus)
    chunks = (rows.flatten(0, -2).split(max(1, AT_ONCE // len(value.weight))) for rows in (x, plus))
    found = [
        out.forward(value.forward(some, gate.gelu(some), "mul"), more)
        for some, more in zip(*chunks, strict=True)
    ]
    return torch.cat(found).view_as(plus)


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Product, gate: Product) -> Tensor:
        v, g = value.forward(x), gate.forward(x)
        opened = F.gelu(g)
        ctx.save_for_backward(v, g, opened)
        ctx.products = value, gate
        return v * opened

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        v, g, opened = ctx.saved_tensors
        value, gate = ctx.products
        found = value.backward(slope * opened)
        to_gate = torch.ops.aten.gelu_backward(slope * v, g)
        return gate.backward(to_gate, found), None, None


# Attention ------------------------------------------------------------------------------------

SHORT = 64
"""Tokens up to which whole tables of scores are faster than PyTorch's flash attention."""


def attention(qkv: Float[Tensor, "sample token three_channel"], heads: int) -> Tokens:
    """Attention of all tokens of a sample to each other, by their queries, keys and values."""
    parts = torch.unflatten(qkv, -1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    if qkv.shape[1] > SHORT:
        found = F.scaled_dot_product_attention(*parts)
    elif torch.is_grad_enabled() and qkv.requires_grad:
        found = _Attend.apply(parts)
    else:
        found = _attend(parts)[0]
    return found.transpose(1, 2).flatten(2)


def _attend(parts: Float[Tensor, "3 sample head token channel"]) -> tuple[Tensor, ...]:
    query, key, value = parts.flatten(1, 2)
    scale = query.shape[-1] ** -0.5
    scores = torch.baddbmm(
        query.new_empty(()), query, key.transpose(1, 2), beta=0, alpha=scale
    ).softmax(-1)
    return (scores @ value).view(parts.shape[1:]), scores, query, key, value


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, parts: Tensor) -> Tensor:
        found, *kept = _attend(parts)
        ctx.save_for_backward(*kept)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        scores, query, key, value = ctx.saved_tensors
        shape = (3, *slope.shape)
        slope = slope.flatten(0, 1)
        inner = torch.ops.aten._softmax_backward_data(
            slope @ value.transpose(1, 2), scores, -1, scores.dtype
        )
        inner *= query.shape[-1] ** -0.5
        found = query.new_empty(3, *query.shape)
        torch.bmm(inner, key, out=found[0])
        torch.bmm(inner.transpose(1, 2), query, out=found[1])
        torch.bmm(scores.transpose(1, 2), slope, out=found[2])
        return found.view(shape)


# Convolutions ---------------------------------------------------------------------------------


class Convolution:
    """A convolution of channels-last images without groups or dilation.

    Args:
        weight: Frozen.
        bias: Frozen.
        stride: Of the convolution.
        padding: By zeros.
    """

    def __init__(
        self,
        weight: Float[Tensor, "out in _rows _columns"],
        bias: Float[Tensor, " out"] | None,
        stride: Sequence[int],
        padding: Sequence[int],
    ) -> None:
        self.weight = weight.detach().contiguous(memory_format=torch.channels_last)
        self.bias = None if bias is None else bias.detach()
        self.stride, self.padding = list(stride), list(padding)
        self._packed: dict[Any, Tensor] = {}

    def __call__(self, x: Frames) -> Frames:
        """Convolve."""
        if torch.is_grad_enabled() and x.requires_grad:
            return _Convolve.apply(x, self)
        return self.forward(x)

    def forward(self, x: Frames) -> Frames:
        """Without a graph."""
        return self._run(x, self.weight, self.bias, self.stride, self.padding)

    def backward(self, slope: Frames, shape: torch.Size) -> Frames:
        """Gradient to an x of this shape."""
        if self.stride != [1, 1]:
            return conv2d_input(shape, self.weight, slope, self.stride, self.padding)
        sides = self.weight.shape[2:]
        padding = [side - 1 - pad for side, pad in zip(sides, self.padding, strict=True)]
        slope = slope.contiguous(memory_format=torch.channels_last)
        return self._run(slope, self._turned, None, self.stride, padding)

    @cached_property
    def _turned(self) -> Tensor:
        turned = self.weight.flip(2, 3).transpose(0, 1)
        return turned.contiguous(memory_format=torch.channels_last)

    def _run(
        self,
        x: Frames,
        weight: Tensor,
        bias: Tensor | None,
        stride: list[int],
        padding: list[int],
    ) -> Frames:
        turned = weight is not self.weight
        cut = weight.shape[2:] == (3, 3) and stride == padding == [1, 1]
        if cut and winograd.pays(x.shape[1], len(weight), *x.shape[2:]):
            whole = self._once((turned,), lambda: winograd.transform_weight(weight))
            return winograd.convolve(x, whole, bias)
        packed = self._once(
            (turned, x.shape),  # the order suits one size only
            lambda: _ops._reorder_convolution_weight(
                weight, padding, stride, [1, 1], 1, list(x.shape)
            ),
        )
        return _ops._convolution_pointwise(
            x, packed, bias, padding, stride, [1, 1], 1, "none", [], ""
        )

    def _once(self, key: object, make: Callable[[], Tensor]) -> Tensor:
        if key not in self._packed:
            self._packed[key] = make()
        return self._packed[key]


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, convolution: Convolution) -> Tensor:
        ctx.convolution, ctx.shape = convolution, x.shape
        return convolution.forward(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.convolution.backward(slope, ctx.shape), None
