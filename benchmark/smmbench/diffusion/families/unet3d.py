"""The 3D UNets of 2023: ZeroScope, ModelScope, and the embedded emoji model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from smmbench.diffusion.families.family import Family, Feature, Latent, Text


class UNet3D(Family):
    """Layers within a frame, which fold time into the batch, and layers over time."""

    name = "unet-3d"
    title = "3D UNet (ZeroScope v2 576w, ModelScope, the embedded emoji model)"
    part = "unet"
    network = "UNet3DConditionModel"
    pipelines = ("TextToVideoSDPipeline",)

    def call(self, network: nn.Module, x: Latent, t: int | float | Tensor, text: Text) -> Latent:
        """The same timestep is used for the whole batch."""
        found: Latent = network(x, t, encoder_hidden_states=text, return_dict=False)[0]
        return found

    def unfold(self, network: nn.Module, output: Tensor, layer: str, x: Latent) -> Feature:
        """Undo the folding of time into the batch, which the layers within frames use.

        Layers inside a transformer return tokens, and layers over time fold space instead: their
        output has the shape of features but must not be taken for them.
        """
        clips, frames = len(x), x.shape[2]
        if output.ndim != 4 or len(output) != clips * frames:
            raise LookupError(
                f"The output of the layer '{layer}' is not features of frames: for {clips} x "
                f"{frames} frames its shape is {tuple(output.shape)} instead of "
                f"({clips * frames}, channel, rows, "
                "columns). Name a block, a convolution or a whole transformer, such as "
                "up_blocks.1.attentions.1."
            )
        return torch.unflatten(output, 0, (clips, frames))

    def blocks(self, network: nn.Module) -> tuple[str, ...]:
        """The blocks of the decoder."""
        untyped: Any = network
        return tuple(f"up_blocks.{i}" for i in range(len(untyped.up_blocks)))

    def dtype(self, network: nn.Module) -> torch.dtype:
        """The type of all its weights."""
        return next(network.parameters()).dtype

    def text_width(self, network: nn.Module) -> int:
        """Width of the cross-attention."""
        untyped: Any = network
        return int(untyped.config.cross_attention_dim)
