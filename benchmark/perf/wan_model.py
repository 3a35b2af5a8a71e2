"""A model of the size of Wan2.1-T2V-1.3B with random weights, created on its device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from zeroscope_model import made_on

from smmbench.diffusion.backbone import Backbone, own_denoiser
from smmbench.diffusion.codecs import WanCodec
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.families import Wan
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.text import TextEncoder, UMT5Text
from smmbench.diffusion.text_on_demand import TextOnDemand

FULL: dict[str, dict[str, Any]] = {  # as in the configurations of the published folder
    "transformer": {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 12,
        "attention_head_dim": 128,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 4096,
        "freq_dim": 256,
        "ffn_dim": 8960,
        "num_layers": 30,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "rope_max_seq_len": 1024,
    },
    "vae": {"base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2},
    "text": {
        "vocab_size": 256384,
        "d_model": 4096,
        "d_kv": 64,
        "d_ff": 10240,
        "num_layers": 24,
        "num_heads": 64,
    },
}
TINY: dict[str, dict[str, Any]] = {
    "transformer": {
        **FULL["transformer"],
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "text_dim": 16,
        "freq_dim": 16,
        "ffn_dim": 32,
    },
    "vae": {**FULL["vae"], "base_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
    "text": {**FULL["text"], "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2},
}
WIDE = ("rope", "time_embedder", "scale_shift_table", "norm1", "norm2", "norm3")
"""Layers that diffusers keeps in float32 for a transformer of this class."""


class Words:
    """Replaces a tokenizer: one token per letter, and padding that is masked."""

    model_max_length = 512

    def __call__(self, prompts: Sequence[str], **how: Any) -> dict[str, list[list[int]]]:
        """Tokens of prompts, all of the same length."""
        ids = [[1 + ord(c) % 99 for c in p[:511]] + [1] for p in prompts]
        mask = [[1] * len(one) for one in ids]
        if how.get("padding"):
            ids, mask = ([one + [0] * (512 - len(one)) for one in some] for some in (ids, mask))
        return {"input_ids": ids, "attention_mask": mask}


def random_transformer(device: str, dtype: torch.dtype, tiny: bool) -> nn.Module:
    """A frozen transformer, with the same weights for the same device and type."""
    import diffusers

    untyped: Any = diffusers
    with made_on(device, dtype):
        network = untyped.WanTransformer3DModel(**(TINY if tiny else FULL)["transformer"])
    for name, weight in network.named_parameters():
        if any(part in name for part in WIDE):
            weight.data = weight.data.float()
    frozen: nn.Module = network.requires_grad_(False).eval()
    return frozen


def random_text(device: torch.device, dtype: torch.dtype, tiny: bool) -> TextEncoder:
    """A text encoder of UMT5-XXL's size, whose weights repeat a million random numbers."""
    from transformers import UMT5Config, UMT5EncoderModel

    untyped: Any = UMT5EncoderModel
    with torch.device("meta"):
        network = untyped(
            UMT5Config(
                feed_forward_proj="gated-gelu", dropout_rate=0.0, **(TINY if tiny else FULL)["text"]
            )
        )
    network = network.to(dtype).to_empty(device=device)
    draws = torch.Generator(device.type).manual_seed(0)
    few = (0.02 * torch.randn(2**20, generator=draws, device=device)).to(dtype)
    for weight in network.parameters():
        if weight.ndim == 1:
            weight.data.fill_(1)
            continue
        flat = weight.data.view(-1)
        for start in range(0, len(flat), len(few)):
            flat[start : start + len(few)] = few[: len(flat) - start]
    return UMT5Text(network.requires_grad_(False).eval(), Words())


def random_backbone(
    device: str,
    dtype: torch.dtype,
    tiny: bool,
    own: bool = True,
    low_memory: bool = False,
    compile: bool = False,
    float8: bool = False,
) -> Backbone:
    """The whole model; its text encoder is created when a prompt is new, instead of loaded.

    Args:
        device: Device of the model.
        dtype: Type of transformer and text encoder; the autoencoder is in float32.
        tiny: Whether to create a small model of the same layout.
        own: Whether to run it like a loaded model; otherwise as diffusers does.
        low_memory: See `load_backbone`.
        compile: See `load_backbone`.
        float8: See `load_backbone`.
    """
    import diffusers

    untyped: Any = diffusers
    sizes = (TINY if tiny else FULL)["text"]
    network = random_transformer(device, dtype, tiny)
    with made_on(device, torch.float32):
        vae = untyped.AutoencoderKLWan(**(TINY if tiny else FULL)["vae"])
    vae.requires_grad_(False).eval()
    levels = FlowSchedule(shift=3.0)
    denoiser = (
        own_denoiser(network, levels, low_memory, compile, Wan(), float8)
        if own
        else Denoiser(network, levels, sequential=True, family=Wan())  # as in WanPipeline
    )
    each = 4 * sizes["d_model"] * sizes["num_heads"] * sizes["d_kv"]
    each += 3 * sizes["d_model"] * sizes["d_ff"]
    size = sizes["vocab_size"] * sizes["d_model"] + sizes["num_layers"] * each
    text = TextOnDemand(
        lambda where: random_text(where, dtype, tiny), size * dtype.itemsize, sizes["d_model"]
    )
    return Backbone(denoiser, WanCodec(vae, low_memory), text, Path())
