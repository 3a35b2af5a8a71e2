"""Layers of diffusers' 3D UNet that keep tensors channels-last, with the same weights and names.

diffusers' layers of this family change between frames of channels and channels of frames, and back
to contiguous memory, at each layer. With channels last in memory all of these are views, and only
the temporal attention has to move data. Layers are the same modules under the same names, of a
subclass whose `forward` computes the same; if one layer of a fused pair has a hook, the two run
separately.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.activations import GEGLU
from diffusers.models.resnet import ResnetBlock2D, TemporalConvLayer
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import (
    TransformerTemporalModel,
    TransformerTemporalModelOutput,
)
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from smmbench.diffusion.acceleration.convolutions import (
    Frames,
    FrozenConv2d,
    is_plain,
    without_bias,
)
from smmbench.diffusion.acceleration.wide_norm import (
    WideGroupNorm,
    WideLayerNorm,
    add,
    geglu,
    normalise,
)

Untyped = Any  # diffusers' classes; their annotations leave out inherited attributes


def channels_last(unet: nn.Module) -> None:
    """Convert a UNet that belongs to the caller alone to these layers, in place."""
    for module in unet.modules():
        for found, ours in _OURS.items():
            if type(module) is found and _fits(module):
                module.__class__ = ours
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for weight in unet.parameters():
        if weight.ndim in formats:
            weight.data = weight.data.contiguous(memory_format=formats[weight.ndim])


class LastTemporalConv(TemporalConvLayer):
    """Convolutions over time, computed as convolutions over images of time x place."""

    def forward(self, hidden_states: Frames, num_frames: int = 1) -> Frames:
        """Add to each frame what the convolutions compute from its neighbours."""
        stages = (self.conv1, self.conv2, self.conv3, self.conv4)
        if any(_hooked(stage) for stage in stages):
            return super().forward(hidden_states, num_frames)
        x = identity = _time_by_place(hidden_states, num_frames)
        bias = None
        for stage in stages:
            norm: Untyped = stage[0]
            conv: Untyped = stage[-1]
            x = normalise(x, norm, silu=True, added=None if bias is None else bias[None])
            x, bias = without_bias(x, conv.weight.squeeze(-1), conv.bias, conv)
        return _frames(add(identity, x, bias), hidden_states)


class LastResnet(ResnetBlock2D):
    """Two convolutions whose normalisations include SiLU."""

    def forward(self, input_tensor: Frames, temb: Any, *args: Any, **_: Any) -> Frames:
        """Add the output of the convolutions to the frames."""
        if any(_hooked(layer) for layer in (self.norm1, self.norm2, self.nonlinearity)):
            return super().forward(input_tensor, temb)
        x, bias = _apart(self.conv1, normalise(input_tensor, self.norm1, silu=True))
        added = None if bias is None else bias[None]
        if temb is not None and self.time_emb_proj is not None:
            shift = self.time_emb_proj(temb if self.skip_time_act else F.silu(temb))
            added = shift if added is None else shift + added
        x = self.dropout(normalise(x, self.norm2, silu=True, added=added))
        x, bias = _apart(self.conv2, x)
        if self.conv_shortcut is not None:
            input_tensor, other = _apart(self.conv_shortcut, input_tensor)
            bias = other if bias is None else bias if other is None else bias + other
        x = add(input_tensor, x, bias)
        return x if self.output_scale_factor == 1 else x / self.output_scale_factor


class LastTransformer2D(Transformer2DModel):
    """Attention within each frame."""

    def _get_output_for_continuous_inputs(
        self,
        hidden_states: Tensor,
        residual: Frames,
        batch_size: int,
        height: int,
        width: int,
        inner_dim: int,
    ) -> Frames:
        x = self.proj_out(hidden_states).reshape(batch_size, height, width, -1)
        return residual + x.permute(0, 3, 1, 2)


class LastTransformerTemporal(TransformerTemporalModel):
    """Attention over time at each place."""

    def forward(
        self,
        hidden_states: Frames,
        encoder_hidden_states: Tensor | None = None,
        timestep: Tensor | None = None,
        class_labels: Tensor | None = None,
        num_frames: int = 1,
        cross_attention_kwargs: dict[str, Any] | None = None,
        return_dict: bool = True,
    ) -> Any:
        """Add what each place attends to in its other frames."""
        x = self.norm(_time_by_place(hidden_states, num_frames))
        batch, channel, time, place = x.shape
        x = self.proj_in(x.permute(0, 3, 2, 1).reshape(batch * place, time, channel))
        with _of_few_tokens(x):
            for block in self.transformer_blocks:
                x = block(
                    x,
                    encoder_hidden_states=encoder_hidden_states,
                    timestep=timestep,
                    cross_attention_kwargs=cross_attention_kwargs,
                    class_labels=class_labels,
                )
        x = self.proj_out(x).reshape(batch, place, time, channel).transpose(1, 2)
        rows, columns = hidden_states.shape[-2:]
        x = x.reshape(batch * time, rows, columns, channel).permute(0, 3, 1, 2)
        output = hidden_states + x
        return TransformerTemporalModelOutput(sample=output) if return_dict else (output,)


class FusedGeglu(GEGLU):
    """A gated linear unit whose gate is computed by one kernel."""

    def forward(self, hidden_states: Tensor, *args: Any, **_: Any) -> Tensor:
        """Project the input and apply the gate."""
        return geglu(self.proj(hidden_states))


_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.GroupNorm: WideGroupNorm,
    nn.LayerNorm: WideLayerNorm,
    nn.Conv2d: FrozenConv2d,
    TemporalConvLayer: LastTemporalConv,
    ResnetBlock2D: LastResnet,
    Transformer2DModel: LastTransformer2D,
    TransformerTemporalModel: LastTransformerTemporal,
    GEGLU: FusedGeglu,
}


def _fits(module: Untyped) -> bool:
    """Whether a layer has the configuration that all of this family share; others are unchanged."""
    if isinstance(module, ResnetBlock2D):
        sampled = module.upsample is not None or module.downsample is not None
        silu = isinstance(module.nonlinearity, nn.SiLU)
        return silu and not sampled and module.time_embedding_norm == "default"
    if isinstance(module, Transformer2DModel):
        return bool(module.is_input_continuous and module.use_linear_projection)
    if isinstance(module, TemporalConvLayer):
        return all(
            isinstance(stage[0], nn.GroupNorm) and isinstance(stage[-1], nn.Conv3d)
            for stage in (module.conv1, module.conv2, module.conv3, module.conv4)
        )
    return True


def _hooked(module: nn.Module) -> bool:
    if torch.compiler.is_compiling():  # hooks run through the original network
        return False
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def _time_by_place(x: Frames, frames: int) -> Float[Tensor, "batch channel time place"]:
    """A view, where x is channels-last."""
    channel = x.shape[1]
    return (
        x.permute(0, 2, 3, 1)
        .reshape(-1, frames, x.shape[-2] * x.shape[-1], channel)
        .permute(0, 3, 1, 2)
    )


def _frames(x: Float[Tensor, "batch channel time place"], like: Frames) -> Frames:
    """Undo `_time_by_place`."""
    batch_time, channel, rows, columns = like.shape
    return x.permute(0, 2, 3, 1).reshape(batch_time, rows, columns, channel).permute(0, 3, 1, 2)


def _of_few_tokens(x: Float[Tensor, "place time channel"]) -> AbstractContextManager[Any]:
    """Attention over few tokens by kernels of small tiles; cuDNN's forward takes a third longer."""
    forward = x.is_cuda and not torch.is_grad_enabled() and len(x) < 2**16  # the kernels' limit
    if not forward or torch.compiler.is_compiling():
        return nullcontext()
    return sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


def _apart(conv: nn.Module, x: Frames) -> tuple[Frames, Tensor | None]:
    """A convolution and its bias, separately; a layer with hooks or of another class runs whole."""
    if not isinstance(conv, FrozenConv2d) or not is_plain(conv) or _hooked(conv):
        return conv(x), None
    return without_bias(x, conv.weight, conv.bias, conv)
