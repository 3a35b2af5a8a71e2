"""A model of ZeroScope's size with random weights, made on the device in seconds.

Speed and memory do not ask what the weights are. What it makes of a clip is noise.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.schedule import NoiseSchedule

SIZE = (24, 320, 576)
"""Frames, height and width of a clip of ZeroScope v2 576w."""

TINY = (4, 64, 64)
"""The same for the tiny model."""

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
}

UNET: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ("CrossAttnDownBlock3D",) * 3 + ("DownBlock3D",),
    "up_block_types": ("UpBlock3D",) + ("CrossAttnUpBlock3D",) * 3,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "cross_attention_dim": 1024,
    "attention_head_dim": 64,
}
TINY_UNET: dict[str, Any] = UNET | {
    "block_out_channels": (16, 32, 32, 32),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
    "norm_num_groups": 8,
}

VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}
TINY_VAE: dict[str, Any] = VAE | {"block_out_channels": (8,) * 4, "norm_num_groups": 4}

TEXT: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
}
TINY_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def random_denoiser(
    device: str, dtype: torch.dtype = torch.float16, tiny: bool = False
) -> Denoiser:
    """ZeroScope's UNet (1.41 B parameters) and noise schedule; or a tiny one of the same make."""
    from diffusers import UNet3DConditionModel

    with torch.device(device):
        unet = UNet3DConditionModel(**(TINY_UNET if tiny else UNET))
    return Denoiser(_ready(unet, device, dtype), NoiseSchedule.from_config(SCHEDULE))


def random_backbone(
    device: str, dtype: torch.dtype = torch.float16, tiny: bool = False
) -> Backbone:
    """The whole model: UNet, autoencoder (84 M) and text encoder (340 M)."""
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device(device):
        vae = AutoencoderKL(**(TINY_VAE if tiny else VAE))
        text_encoder = CLIPTextModel(CLIPTextConfig(**(TINY_TEXT if tiny else TEXT)))
    return Backbone(
        random_denoiser(device, dtype, tiny),
        _ready(vae, device, dtype),
        _ready(text_encoder, device, dtype),
        Words(text_encoder.config.vocab_size),
        Path(),
    )


@dataclass(frozen=True)
class Words:
    """In place of a tokenizer: a word is a number, which one means nothing."""

    vocabulary: int
    model_max_length: int = 77

    def __call__(self, prompts: Sequence[str], **_: Any) -> dict[str, list[list[int]]]:
        """Numbers of the words of each prompt, filled with the last one."""
        last, length = self.vocabulary - 1, self.model_max_length
        found = [[zlib.crc32(word.encode()) % last for word in one.split()] for one in prompts]
        return {"input_ids": [(one + [last] * length)[:length] for one in found]}


def _ready(network: Any, device: str, dtype: torch.dtype) -> Any:
    # Not diffusers' own to(), which warns of a cast that is meant.
    return nn.Module.to(network, device, dtype).requires_grad_(False).eval()
