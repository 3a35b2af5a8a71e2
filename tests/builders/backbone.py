"""A tiny 3D UNet in ZeroScope's layout."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any


def write_tiny_backbone(folder: Path) -> Path:
    """Write small random networks: v-prediction, zero terminal SNR, a tokenizer of letters."""
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    untyped: Any = diffusers  # its own types leave out what its classes inherit
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = untyped.UNet3DConditionModel(
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
            block_out_channels=(8, 16, 16),
            layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=16,
            norm_num_groups=4,
        )
        for parameter in unet.parameters():  # temporal layers begin as zeros: give them a meaning
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
        vae = untyped.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 8),
            norm_num_groups=2,
            latent_channels=4,
            mid_block_add_attention=False,
            scaling_factor=0.5,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=64,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=16,
                bos_token_id=62,
                eos_token_id=63,
                pad_token_id=63,
            )
        )
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    text_encoder.save_pretrained(folder / "text_encoder")
    untyped.DDIMScheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
    ).save_pretrained(folder / "scheduler")
    # Each letter alone and at a word's end, then words that merge; ids as in CLIP's own files.
    letters = string.ascii_lowercase
    merges = ["d o", "do g</w>", "c a", "ca t</w>"]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += [merge.replace(" ", "") for merge in merges]
    vocabulary = {word: i for i, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": 62, "<|endoftext|>": 63}
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (tokenizer / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 16})
    )
    return folder
