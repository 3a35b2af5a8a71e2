"""Triton kernels for channels-last tensors: normalisations with adjacent operations, and GEGLU.

Import this only where Triton is installed (PyTorch for NVIDIA GPUs includes it). Kernels are marked
`no_type_check`, since a wrapper of a type checker would hide from Triton the names in their source.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator, misc, no-untyped-call"

from __future__ import annotations

from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

ROWS, CHANNELS = 32, 64  # of a tile
PROGRAMS = 2048  # fills a large GPU several times over
Table = Float[Tensor, "sample channel"]


@triton.jit(do_not_specialize=["rows", "rows_each"])
@no_type_check
def _sums(
    x, d, added, scale, shift, found, rows, channels, rows_each,
    BACKWARD: tl.constexpr, SILU: tl.constexpr, ADDED: tl.constexpr,
    R: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """For a chunk of rows, by channel: sums of x and x^2; in the backward pass, of d and d x.

    With ADDED, x is the loaded value plus a number for each sample and channel, in all kernels.
    """
    sample, chunk, chunks = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    channel = tl.program_id(2) * C + tl.arange(0, C)
    inside = channel < channels
    start = sample.to(tl.int64) * rows * channels
    first = tl.zeros((R, C), tl.float32)
    second = tl.zeros((R, C), tl.float32)
    if ADDED:
        more = tl.load(added + sample * channels + channel, mask=inside, other=0.0)[None, :]
    if BACKWARD and SILU:
        a = tl.load(scale + sample * channels + channel, mask=inside, other=0.0)[None, :]
        b = tl.load(shift + sample * channels + channel, mask=inside, other=0.0)[None, :]
    end = tl.minimum((chunk + 1) * rows_each, rows)
    for begin in range(chunk * rows_each, end, R):
        row = begin + tl.arange(0, R)
        here = (row < end)[:, None] & inside[None, :]
        at = start + row[:, None] * channels + channel[None, :]
        value = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
        if ADDED:
            value = tl.where(here, value + more, 0.0)
        if BACKWARD:
            slope = tl.load(d + at, mask=here, other=0.0).to(tl.float32)
            if SILU:
                slope = slope * _silu_slope(value * a + b)
            first += slope
            second += slope * value
        else:
            first += value
            second += value * value
    to = found + (sample * chunks + chunk) * 2 * channels + channel
    tl.store(to, tl.sum(first, 0), mask=inside)
    tl.store(to + channels, tl.sum(second, 0), mask=inside)


@triton.jit(do_not_specialize=["chunks", "rows", "width"])
@no_type_check
def _moments(
    found, weight, bias, scale, shift, mean, inverse, chunks, rows, channels, width, eps,
    K: tl.constexpr, W: tl.constexpr,
):  # fmt: skip
    """For each group, mean and inverse deviation; for each channel, y = scale x + shift."""
    sample, group, groups = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    channel = group * width + tl.arange(0, W)
    inside = tl.arange(0, W) < width
    first = tl.zeros((K, W), tl.float32)
    second = tl.zeros((K, W), tl.float32)
    for begin in range(0, chunks, K):
        chunk = begin + tl.arange(0, K)
        here = (chunk < chunks)[:, None] & inside[None, :]
        at = found + (sample * chunks + chunk)[:, None] * 2 * channels + channel[None, :]
        first += tl.load(at, mask=here, other=0.0)
        second += tl.load(at + channels, mask=here, other=0.0)
    count = rows * width * 1.0
    m = tl.sum(tl.sum(first, 0), 0) / count
    variance = tl.sum(tl.sum(second, 0), 0) / count - m * m
    r = 1 / tl.sqrt(tl.maximum(variance, 0.0) + eps)
    w = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32)
    v = tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)
    tl.store(scale + sample * channels + channel, w * r, mask=inside)
    tl.store(shift + sample * channels + channel, v - m * w * r, mask=inside)
    tl.store(mean + sample * groups + group, m)
    tl.store(inverse + sample * groups + group, r)


@triton.jit(do_not_specialize=["chunks", "rows", "width"])
@no_type_check
def _slopes(
    found, weight, mean, inverse, factor, rest, chunks, rows, channels, width,
    K: tl.constexpr, W: tl.constexpr,
):  # fmt: skip
    """For each group, what its statistics add to the gradient of x: factor x + rest."""
    sample, group, groups = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    channel = group * width + tl.arange(0, W)
    inside = tl.arange(0, W) < width
    first = tl.zeros((K, W), tl.float32)
    second = tl.zeros((K, W), tl.float32)
    for begin in range(0, chunks, K):
        chunk = begin + tl.arange(0, K)
        here = (chunk < chunks)[:, None] & inside[None, :]
        at = found + (sample * chunks + chunk)[:, None] * 2 * channels + channel[None, :]
        first += tl.load(at, mask=here, other=0.0)
        second += tl.load(at + channels, mask=here, other=0.0)
    w = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32)
    p = tl.sum(w * tl.sum(first, 0), 0)
    q = tl.sum(w * tl.sum(second, 0), 0)
    m = tl.load(mean + sample * groups + group)
    r = tl.load(inverse + sample * groups + group)
    count = rows * width * 1.0
    k = -r * r * r * (q - m * p) / count
    tl.store(factor + sample * groups + group, k)
    tl.store(rest + sample * groups + group, -r * p / count - k * m)


@triton.jit(do_not_specialize=["rows", "width", "groups"])
@no_type_check
def _apply(
    x, d, added, scale, shift, factor, rest, out, rows, channels, width, groups,
    BACKWARD: tl.constexpr, SILU: tl.constexpr, ADDED: tl.constexpr,
    R: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """Forward: silu(scale x + shift); backward: the gradient of x."""
    blocks = tl.cdiv(rows, R)
    sample = tl.program_id(0) // blocks
    row = tl.program_id(0) % blocks * R + tl.arange(0, R)
    channel = tl.program_id(1) * C + tl.arange(0, C)
    inside = channel < channels
    here = (row < rows)[:, None] & inside[None, :]
    at = sample.to(tl.int64) * rows * channels + row[:, None] * channels + channel[None, :]
    a = tl.load(scale + sample * channels + channel, mask=inside, other=0.0)[None, :]
    b = tl.load(shift + sample * channels + channel, mask=inside, other=0.0)[None, :]
    value = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
    if ADDED:
        value += tl.load(added + sample * channels + channel, mask=inside, other=0.0)[None, :]
    if BACKWARD:
        slope = tl.load(d + at, mask=here, other=0.0).to(tl.float32)
        if SILU:
            slope = slope * _silu_slope(value * a + b)
        group = sample * groups + channel // width
        k = tl.load(factor + group, mask=inside, other=0.0)[None, :]
        c = tl.load(rest + group, mask=inside, other=0.0)[None, :]
        result = a * slope + k * value + c
    else:
        result = value * a + b
        if SILU:
            result = result * tl.sigmoid(result)
    tl.store(out + at, result.to(out.dtype.element_ty), mask=here)


@triton.jit
@no_type_check
def _silu_slope(z):
    s = tl.sigmoid(z)
    return s * (1 + z * (1 - s))


@triton.jit(do_not_specialize=["rows"])
@no_type_check
def _geglu(
    x, d, out, rows, width, BACKWARD: tl.constexpr, R: tl.constexpr, C: tl.constexpr
):  # fmt: skip
    """Forward: value gelu(gate); backward: the gradients of value and gate, written in place."""
    row = (tl.program_id(0) * R + tl.arange(0, R)).to(tl.int64)[:, None]
    channel = (tl.program_id(1) * C + tl.arange(0, C))[None, :]
    here = (row < rows) & (channel < width)
    wide, narrow = row * 2 * width + channel, row * width + channel
    value = tl.load(x + wide, mask=here, other=0.0).to(tl.float32)
    gate = tl.load(x + wide + width, mask=here, other=0.0).to(tl.float32)
    below = 0.5 * (1 + tl.erf(gate * 0.7071067811865476))
    if BACKWARD:
        slope = tl.load(d + narrow, mask=here, other=0.0).to(tl.float32)
        density = 0.3989422804014327 * tl.exp(-0.5 * gate * gate)
        of_gate = slope * value * (below + gate * density)
        tl.store(out + wide, (slope * gate * below).to(out.dtype.element_ty), mask=here)
        tl.store(out + wide + width, of_gate.to(out.dtype.element_ty), mask=here)
    else:
        tl.store(out + narrow, (value * gate * below).to(out.dtype.element_ty), mask=here)


@triton.jit(do_not_specialize=["rows"])
@no_type_check
def _layer(
    x, d, weight, bias, mean, inverse, out, rows, width, eps,
    BACKWARD: tl.constexpr, R: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """Forward: normalise each row; backward: the gradient of x, from the moments of the forward."""
    row = tl.program_id(0) * R + tl.arange(0, R)
    channel = tl.arange(0, C)
    inside, there = channel < width, row < rows
    here = there[:, None] & inside[None, :]
    at = row.to(tl.int64)[:, None] * width + channel[None, :]
    value = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
    w = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32)[None, :]
    if BACKWARD:
        m = tl.load(mean + row, mask=there, other=0.0)[:, None]
        r = tl.load(inverse + row, mask=there, other=0.0)[:, None]
        unit = tl.where(here, (value - m) * r, 0.0)
        slope = tl.load(d + at, mask=here, other=0.0).to(tl.float32) * w
        level = tl.sum(slope, 1)[:, None] / width
        tilt = tl.sum(slope * unit, 1)[:, None] / width
        result = r * (slope - level - unit * tilt)
    else:
        m = tl.sum(value, 1)[:, None] / width
        apart = tl.where(here, value - m, 0.0)
        r = 1 / tl.sqrt(tl.sum(apart * apart, 1)[:, None] / width + eps)
        v = tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)[None, :]
        result = apart * r * w + v
        tl.store(mean + row[:, None], m, mask=there[:, None])
        tl.store(inverse + row[:, None], r, mask=there[:, None])
    tl.store(out + at, result.to(out.dtype.element_ty), mask=here)


@triton.jit(do_not_specialize=["size"])
@no_type_check
def _sum(x, y, bias, out, size, channels, B: tl.constexpr):
    """Sum of x, y and the bias, channels-last."""
    at = tl.program_id(0).to(tl.int64) * B + tl.arange(0, B)
    here = at < size
    total = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
    total += tl.load(y + at, mask=here, other=0.0).to(tl.float32)
    total += tl.load(bias + at % channels, mask=here, other=0.0).to(tl.float32)
    tl.store(out + at, total.to(out.dtype.element_ty), mask=here)


class Moments:
    """What a normalisation computed from its input and its gradient needs again.

    Attributes:
        scale: y = scale x + shift.
        shift: See `scale`.
        mean: For each sample and group.
        inverse: One over the standard deviation, for each sample and group.
        added: What was added to each sample and channel of x first; None for nothing.
    """

    def __init__(
        self, scale: Table, shift: Table, mean: Tensor, inverse: Tensor, added: Table | None = None
    ) -> None:
        self.scale, self.shift, self.mean, self.inverse = scale, shift, mean, inverse
        self.added = added


def normalise(
    x: Float[Tensor, "sample channel rows columns"],
    weight: Float[Tensor, " channel"],
    bias: Float[Tensor, " channel"],
    groups: int,
    eps: float,
    silu: bool,
    added: Table | None = None,
) -> tuple[Float[Tensor, "sample channel rows columns"], Moments]:
    """Group normalisation of x (channels-last) + added, followed by SiLU or nothing."""
    samples, channels, rows, width = _sizes(x, groups)
    found, chunks = _chunked(x, None, None, added, silu)
    table = torch.empty((2, samples, channels), dtype=torch.float32, device=x.device)
    group = torch.empty((2, samples, groups), dtype=torch.float32, device=x.device)
    moments = Moments(table[0], table[1], group[0], group[1], added)
    _moments[(samples, groups)](
        found, weight, bias, table[0], table[1], group[0], group[1],
        chunks, rows, channels, width, eps, K=16, W=triton.next_power_of_2(width),
    )  # fmt: skip
    out = torch.empty_like(x)
    _apply[_tiles(samples, rows, channels)](
        x, x, x if added is None else added, table[0], table[1], group[0], group[1], out,
        rows, channels, width, groups,
        BACKWARD=False, SILU=silu, ADDED=added is not None, R=ROWS, C=CHANNELS,
    )  # fmt: skip
    return out, moments


def normalise_backward(
    slope: Float[Tensor, "sample channel rows columns"],
    x: Float[Tensor, "sample channel rows columns"],
    weight: Float[Tensor, " channel"],
    moments: Moments,
    silu: bool,
) -> Float[Tensor, "sample channel rows columns"]:
    """Gradient of `normalise` with respect to its input; slope and x are channels-last."""
    groups = moments.mean.shape[1]
    samples, channels, rows, width = _sizes(x, groups)
    added = moments.added
    found, chunks = _chunked(x, slope, moments, added, silu)
    group = torch.empty((2, samples, groups), dtype=torch.float32, device=x.device)
    _slopes[(samples, groups)](
        found, weight, moments.mean, moments.inverse, group[0], group[1],
        chunks, rows, channels, width, K=16, W=triton.next_power_of_2(width),
    )  # fmt: skip
    out = torch.empty_like(x)
    _apply[_tiles(samples, rows, channels)](
        x, slope, x if added is None else added, moments.scale, moments.shift, group[0], group[1],
        out, rows, channels, width, groups,
        BACKWARD=True, SILU=silu, ADDED=added is not None, R=ROWS, C=CHANNELS,
    )  # fmt: skip
    return out


Rows = Float[Tensor, "*place channel"]


def layer_norm(
    x: Rows, weight: Float[Tensor, " channel"], bias: Float[Tensor, " channel"], eps: float
) -> tuple[Rows, Float[Tensor, "2 place"]]:
    """Normalise each row of a contiguous tensor; also return each row's mean and 1 / deviation."""
    rows, width = x.numel() // x.shape[-1], x.shape[-1]
    out, moments = torch.empty_like(x), x.new_empty((2, rows), dtype=torch.float32)
    each, columns = _rows_each(width)
    _layer[(triton.cdiv(rows, each),)](
        x, x, weight, bias, moments[0], moments[1], out, rows, width, eps,
        BACKWARD=False, R=each, C=columns,
    )  # fmt: skip
    return out, moments


def layer_norm_backward(
    slope: Rows, x: Rows, weight: Float[Tensor, " channel"], moments: Float[Tensor, "2 place"]
) -> Rows:
    """Gradient of `layer_norm` with respect to its input; slope and x are contiguous."""
    rows, width = x.numel() // x.shape[-1], x.shape[-1]
    out = torch.empty_like(x)
    each, columns = _rows_each(width)
    _layer[(triton.cdiv(rows, each),)](
        x, slope, weight, weight, moments[0], moments[1], out, rows, width, 0.0,
        BACKWARD=True, R=each, C=columns,
    )  # fmt: skip
    return out


def sum_with_bias(
    x: Float[Tensor, "sample channel rows columns"],
    y: Float[Tensor, "sample channel rows columns"],
    bias: Float[Tensor, " channel"],
) -> Float[Tensor, "sample channel rows columns"]:
    """Sum of channels-last tensors and a bias, in one pass."""
    out = torch.empty_like(x)
    _sum[(triton.cdiv(x.numel(), 2048),)](x, y, bias, out, x.numel(), x.shape[1], B=2048)
    return out


def geglu(x: Float[Tensor, "*place twice"]) -> Float[Tensor, "*place once"]:
    """First half of the channels times GELU of the second; x is contiguous."""
    width = x.shape[-1] // 2
    out = x.new_empty((*x.shape[:-1], width))
    _geglu[_strips(out)](x, x, out, out.numel() // width, width, BACKWARD=False, R=4, C=256)
    return out


def geglu_backward(
    slope: Float[Tensor, "*place once"], x: Float[Tensor, "*place twice"]
) -> Float[Tensor, "*place twice"]:
    """Gradient of `geglu`; both tensors are contiguous."""
    out, width = torch.empty_like(x), slope.shape[-1]
    _geglu[_strips(slope)](x, slope, out, slope.numel() // width, width, BACKWARD=True, R=4, C=256)
    return out


def _rows_each(width: int) -> tuple[int, int]:
    """Rows and columns of a tile of a few thousand numbers that holds whole rows."""
    columns = triton.next_power_of_2(width)
    return max(1, 4096 // columns), columns


def _strips(x: Tensor) -> tuple[int, int]:
    return triton.cdiv(x.numel() // x.shape[-1], 4), triton.cdiv(x.shape[-1], 256)


def _sizes(x: Tensor, groups: int) -> tuple[int, int, int, int]:
    samples, channels, height, columns = x.shape
    return samples, channels, height * columns, channels // groups


def _tiles(samples: int, rows: int, channels: int) -> tuple[int, int]:
    return samples * triton.cdiv(rows, ROWS), triton.cdiv(channels, CHANNELS)


def _chunked(
    x: Tensor, slope: Tensor | None, moments: Moments | None, added: Table | None, silu: bool
) -> tuple[Float[Tensor, "sample chunk 2 channel"], int]:
    """Sums over chunks of rows, with enough chunks to keep the whole GPU busy."""
    samples, channels, rows, _ = _sizes(x, 1)
    tiles = triton.cdiv(channels, CHANNELS)
    wanted = max(1, PROGRAMS // (samples * tiles))
    rows_each = ROWS * triton.cdiv(triton.cdiv(rows, wanted), ROWS)
    chunks = triton.cdiv(rows, rows_each)
    found = torch.empty((samples, chunks, 2, channels), dtype=torch.float32, device=x.device)
    scale, shift = (moments.scale, moments.shift) if moments else (found, found)
    _sums[(samples, chunks, tiles)](
        x, x if slope is None else slope, x if added is None else added, scale, shift, found,
        rows, channels, rows_each,
        BACKWARD=slope is not None, SILU=silu, ADDED=added is not None, R=ROWS, C=CHANNELS,
    )  # fmt: skip
    return found, chunks
