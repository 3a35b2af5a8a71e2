"""Wan's causal video VAE on a whole clip at once, by 2D convolutions only, which trains fast.

diffusers' `AutoencoderKLWan` processes a clip in chunks of four frames and keeps the last two of
each layer, so that with small models a GPU waits for launches. Here the same function of the same
weights is computed on all frames together: a causal 3D convolution becomes a 2D one whose input
channels are those of three consecutive frames.

Layers at the full frame rate see single frames: only the last of their three temporal taps is used,
and `clear_unused_taps_` sets the others to zero, which makes both forms equal. Nearly all of the
work is in these layers. From the temporal downsampling on, layers are truly causal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from torch import Tensor, nn

Frames = Float[Tensor, "frames channels height width"]  # of several clips, one after another


def encode(vae: Any, video: Float[Tensor, "clips 3 time height width"]) -> tuple[Tensor, Tensor]:
    """Mean and log variance of the latents, (clips, channels, latent time, rows, columns)."""
    clips, _, time, _, _ = video.shape
    x = video.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    x = _conv(vae.encoder.conv_in, x, None)
    for layer in vae.encoder.down_blocks:
        full_rate = len(x) == clips * time
        if type(layer).__name__ == "WanResidualBlock":
            x = _residual(layer, x, None if full_rate else clips)
        else:
            x = _downsample(layer, x, clips)
    x = _middle(vae.encoder.mid_block, x, clips)
    x = _conv(vae.encoder.conv_out, _normal(vae.encoder.norm_out, x), clips)
    x = _point(vae.quant_conv, x).float()
    mean, log_variance = x.unflatten(0, (clips, -1)).transpose(1, 2).chunk(2, dim=1)
    return mean, log_variance.clamp(-30, 20)


def decode(
    vae: Any, latents: Float[Tensor, "clips channels latent_time rows columns"]
) -> Float[Tensor, "clips 3 time height width"]:
    """Decode, without the final clamp to -1..1."""
    clips = len(latents)
    x = latents.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    x = _point(vae.post_quant_conv, x)
    x = _conv(vae.decoder.conv_in, x, clips)
    x = _middle(vae.decoder.mid_block, x, clips)
    slow = len(x)
    for block in vae.decoder.up_blocks:
        for residual in block.resnets:
            x = _residual(residual, x, clips if len(x) == slow else None)
        if block.upsamplers is not None:
            x = _upsample(block.upsamplers[0], x, clips)
    x = _conv(vae.decoder.conv_out, _normal(vae.decoder.norm_out, x), None)
    return x.float().unflatten(0, (clips, -1)).transpose(1, 2)


@torch.no_grad()
def clear_unused_taps_(vae: Any) -> None:
    """Set the taps of layers at the full frame rate that read earlier frames to zero.

    Raises:
        ValueError: The VAE does not have exactly one temporal downsampling.
    """
    if sum(vae.config.temperal_downsample) != 1:
        raise ValueError(
            f"temperal_downsample is {vae.config.temperal_downsample}; this form of the VAE has "
            "exactly one temporal downsampling."
        )
    for module in _full_rate(vae):
        for conv in module.modules():
            if isinstance(conv, nn.Conv3d) and conv.kernel_size == (3, 3, 3):
                conv.weight[:, :, :2] = 0


def _full_rate(vae: Any) -> list[nn.Module]:
    found: list[nn.Module] = [vae.encoder.conv_in]
    for layer in vae.encoder.down_blocks:
        if getattr(layer, "mode", "") == "downsample3d":
            break
        found.append(layer)
    blocks = list(vae.decoder.up_blocks)
    while blocks:
        samplers = blocks.pop(0).upsamplers
        if samplers is not None and samplers[0].mode == "upsample3d":
            break
    return [*found, *blocks, vae.decoder.conv_out]


def _normal(norm: Any, x: Frames) -> Frames:
    """RMS over channels, then SiLU."""
    places = x.permute(0, 2, 3, 1)
    rows = places.flatten(0, 2)  # no copy if channels are contiguous
    torch._dynamo.maybe_mark_dynamic(rows, 0)
    found = _fused.activate(rows, norm.scale * norm.gamma.view(-1))
    return found.view(places.shape).permute(0, 3, 1, 2)


def _activate(rows: Tensor, gain: Tensor) -> Tensor:
    return nnf.silu(nnf.normalize(rows.float(), dim=1) * gain).to(rows.dtype)


class _Fused:
    """The part that `fuse` compiles, so that a GPU accesses the largest tensors less often."""

    activate: Callable[[Tensor, Tensor], Tensor] = staticmethod(_activate)


_fused = _Fused()


def fuse() -> None:
    """Compile the normalisation into one kernel; a few seconds, where a whole pass takes a minute.

    For a process that trains on a GPU; the function that is computed stays the same.
    """
    _fused.activate = torch.compile(_activate)


def _point(conv: nn.Module, x: Frames) -> Frames:
    weight: Any = conv.weight
    return nnf.conv2d(x, weight[:, :, 0], conv.bias)  # type: ignore[arg-type]


def _conv(conv: Any, x: Frames, clips: int | None) -> Frames:
    """A 3x3x3 convolution, causal in time with `clips`, and on single frames without it."""
    if clips is None:
        return nnf.conv2d(x, conv.weight[:, :, -1], conv.bias, padding=1)
    taps = conv.weight.transpose(1, 2).flatten(1, 2)  # (out, 3 * in, 3, 3)
    return nnf.conv2d(_with_earlier(x, clips), taps, conv.bias, padding=1)


def _with_earlier(x: Frames, clips: int) -> Frames:
    """Join each frame and its two predecessors along the channels; zeros before the first."""
    video = x.unflatten(0, (clips, -1))
    time = video.shape[1]
    padded = torch.cat([torch.zeros_like(video[:, :1]).expand(-1, 2, -1, -1, -1), video], 1)
    together = torch.cat([padded[:, k : k + time] for k in range(3)], 2)
    return together.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _residual(block: Any, x: Frames, clips: int | None) -> Frames:
    shortcut = x if isinstance(block.conv_shortcut, nn.Identity) else _point(block.conv_shortcut, x)
    x = _conv(block.conv1, _normal(block.norm1, x), clips)
    return shortcut + _conv(block.conv2, _normal(block.norm2, x), clips)


def _middle(block: Any, x: Frames, clips: int) -> Frames:
    x = _residual(block.resnets[0], x, clips)
    for attention, residual in zip(block.attentions, block.resnets[1:], strict=True):
        x = _residual(residual, _attend(attention, x), clips)
    return x


def _attend(attention: Any, x: Frames) -> Frames:
    """Self-attention within each frame, one head."""
    norm = attention.norm
    unit = nnf.normalize(x.float(), dim=1) * (norm.scale * norm.gamma.view(-1, 1, 1))
    tokens = attention.to_qkv(unit.to(x.dtype)).flatten(2).transpose(1, 2)
    q, k, v = tokens[:, None].chunk(3, dim=-1)
    found = nnf.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2)
    return x + attention.proj(found.unflatten(2, x.shape[2:]))


def _downsample(layer: Any, x: Frames, clips: int) -> Frames:
    x = layer.resample(x)
    if layer.mode != "downsample3d":
        return x
    video = x.unflatten(0, (clips, -1))
    first, later = video[:, :1], (video.shape[1] - 1) // 2
    # Frames 2k, 2k + 1 and 2k + 2 make latent frame k + 1; the first frame stays as it is.
    three = torch.cat([video[:, k : k + 2 * later : 2] for k in range(3)], 2)
    taps = layer.time_conv.weight[..., 0, 0].transpose(1, 2).flatten(1)  # (out, 3 * in)
    pooled = nnf.conv2d(three.flatten(0, 1), taps[..., None, None], layer.time_conv.bias)
    video = torch.cat([first, pooled.unflatten(0, (clips, -1)).to(first.dtype)], 1)
    return video.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _upsample(layer: Any, x: Frames, clips: int) -> Frames:
    if layer.mode == "upsample3d":
        video = x.unflatten(0, (clips, -1))
        first, rest = video[:, :1], video[:, 1:]  # the first frame is no part of what follows
        taps = layer.time_conv.weight[..., 0, 0].transpose(1, 2).flatten(1)
        three = _with_earlier(rest.flatten(0, 1), clips)
        two = nnf.conv2d(three, taps[..., None, None], layer.time_conv.bias)
        channels = x.shape[1]
        later = two.unflatten(1, (2, channels)).unflatten(0, (clips, -1)).flatten(1, 2)
        video = torch.cat([first, later.to(first.dtype)], 1)
        x = video.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return layer.resample[1](nnf.interpolate(x, scale_factor=2.0, mode="nearest-exact"))
