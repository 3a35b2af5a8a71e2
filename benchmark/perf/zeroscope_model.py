"""A model of ZeroScope's size with random weights, created on its device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.backbone import Backbone, own_denoiser
from smmbench.diffusion.codecs import ImageCodec
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.schedule import NoiseSchedule
from smmbench.diffusion.text import ClipText

FULL: dict[str, dict[str, Any]] = {
    "unet": {"cross_attention_dim": 1024},  # the rest is the class's default: 1.41 B parameters
    "vae": {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (128, 256, 512, 512),
        "layers_per_block": 2,
    },
    "text": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 23,
        "num_attention_heads": 16,
        "hidden_act": "gelu",
    },
}
TINY: dict[str, dict[str, Any]] = {
    "unet": {
        "cross_attention_dim": 16,
        "block_out_channels": (8, 16, 16, 16),
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    },
    "vae": {
        **FULL["vae"],
        "block_out_channels": (4, 4, 4, 8),
        "layers_per_block": 1,
        "norm_num_groups": 2,
    },
    "text": {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    },
}


class Words:
    """Replaces a tokenizer: the tokens of a prompt are the codes of its letters."""

    model_max_length = 77

    def __call__(self, prompts: Sequence[str], **_: Any) -> dict[str, list[list[int]]]:
        """Tokens of prompts, all of the same length."""
        return {"input_ids": [[ord(c) % 99 for c in p[:77].ljust(77)] for p in prompts]}


def schedule() -> NoiseSchedule:
    """ZeroScope's noise levels."""
    return AlphaBarSchedule.from_config(
        {
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "steps_offset": 1,
        }
    )


def random_unet(device: str, dtype: torch.dtype, tiny: bool) -> nn.Module:
    """A frozen UNet, with the same weights for the same device and type."""
    import diffusers

    untyped: Any = diffusers
    sizes = (TINY if tiny else FULL)["unet"]
    with made_on(device, dtype):
        unet = untyped.UNet3DConditionModel(**sizes).requires_grad_(False).eval()
        for weight in unet.parameters():
            if device != "meta" and weight.ndim > 1 and not weight.any():
                nn.init.normal_(weight, std=0.02)  # layers that are initialised to zeros
    return unet


def random_vae(device: str, dtype: torch.dtype, tiny: bool) -> nn.Module:
    """A frozen autoencoder."""
    import diffusers

    untyped: Any = diffusers
    with made_on(device, dtype):
        vae = untyped.AutoencoderKL(latent_channels=4, **(TINY if tiny else FULL)["vae"])
    return vae.requires_grad_(False).eval()


def random_backbone(
    device: str,
    dtype: torch.dtype,
    tiny: bool,
    own: bool = True,
    low_memory: bool = False,
    compile: bool = False,
) -> Backbone:
    """The whole model.

    Args:
        device: Device of the model.
        dtype: Type of all networks.
        tiny: Whether to create a small model of the same layout.
        own: Whether to accelerate it like a loaded model; otherwise keep diffusers' own layers.
        low_memory: See `load_backbone`.
        compile: See `load_backbone`.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    untyped: Any = CLIPTextModel
    with made_on(device, dtype):
        config = CLIPTextConfig(vocab_size=49408, **(TINY if tiny else FULL)["text"])
        text_encoder = untyped(config).requires_grad_(False).eval()
    unet, vae = random_unet(device, dtype, tiny), random_vae(device, dtype, tiny)
    levels = schedule()
    denoiser = own_denoiser(unet, levels, low_memory, compile) if own else Denoiser(unet, levels)
    return Backbone(denoiser, ImageCodec(vae, low_memory), ClipText(text_encoder, Words()), Path())


@contextlib.contextmanager
def made_on(device: str, dtype: torch.dtype) -> Iterator[None]:
    """Create modules of this type on this device, with the same random weights each time."""
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)
