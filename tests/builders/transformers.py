"""Tiny random transformers in the published layouts of Wan and CogVideoX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz "
TOKENS = 12
"""Tokens of a prompt that the tiny text encoders read."""

WAN_SCHEDULER = {
    "_class_name": "UniPCMultistepScheduler",
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "flow_shift": 3.0,
    "num_train_timesteps": 1000,
}
"""What the published folders of Wan2.1 at 480p say."""


def build_tiny_wan(
    folder: Path, patch: tuple[int, int, int] = (1, 2, 2), image_vae: bool = False
) -> Path:
    """Write a Wan model: 3 blocks of 2 heads; statistics of latents that are not 0 and 1.

    Args:
        folder: Where to.
        patch: Of the transformer.
        image_vae: An autoencoder of images instead of Wan's.
    """
    import diffusers
    import torch
    from transformers import UMT5Config, UMT5EncoderModel

    untyped: Any = diffusers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformer = untyped.WanTransformer3DModel(
            patch_size=patch,
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=4,
            text_dim=16,
            freq_dim=32,
            ffn_dim=32,
            num_layers=3,
            rope_max_seq_len=32,
        )
        vae = (
            _image_vae()
            if image_vae
            else untyped.AutoencoderKLWan(
                base_dim=4,
                z_dim=4,
                dim_mult=[1, 1, 1, 1],
                num_res_blocks=1,
                temperal_downsample=[False, True, True],
                latents_mean=[-0.5, 0.1, 0.3, 0.0],
                latents_std=[2.0, 0.5, 1.5, 0.8],
            )
        )
        text = UMT5EncoderModel(_t5(UMT5Config))
    _save(folder, "WanPipeline", transformer, vae, text)
    write_scheduler(folder, WAN_SCHEDULER)
    return folder


def build_tiny_cogvideox(folder: Path, rotary: bool = True) -> Path:
    """Write a CogVideoX model: 3 blocks of 2 heads, v-prediction, zero terminal SNR.

    Args:
        folder: Where to.
        rotary: Rotary positions, as 5B has them; else those of 2B.
    """
    import diffusers
    import torch
    from transformers import T5Config, T5EncoderModel

    untyped: Any = diffusers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformer = untyped.CogVideoXTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            in_channels=4,
            out_channels=4,
            time_embed_dim=8,
            text_embed_dim=16,
            num_layers=3,
            sample_width=8,
            sample_height=8,
            sample_frames=9,
            patch_size=2,
            max_text_seq_length=TOKENS,
            use_rotary_positional_embeddings=rotary,
        )
        vae = untyped.AutoencoderKLCogVideoX(
            down_block_types=("CogVideoXDownBlock3D",) * 4,
            up_block_types=("CogVideoXUpBlock3D",) * 4,
            block_out_channels=(4, 4, 4, 4),
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=2,
            temporal_compression_ratio=4,
            scaling_factor=0.7,
        )
        text = T5EncoderModel(_t5(T5Config))
    _save(folder, "CogVideoXPipeline", transformer, vae, text)
    write_scheduler(
        folder,
        {
            "_class_name": "CogVideoXDPMScheduler" if rotary else "CogVideoXDDIMScheduler",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "prediction_type": "v_prediction",
            "rescale_betas_zero_snr": True,
            "snr_shift_scale": 1.0 if rotary else 3.0,
            "timestep_spacing": "trailing",
            "set_alpha_to_one": True,
            "steps_offset": 0,
            "num_train_timesteps": 1000,
        },
    )
    return folder


def write_scheduler(folder: Path, config: dict[str, Any]) -> None:
    """Write a scheduler's configuration into a model's folder, and its class into the index."""
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", config.get("_class_name", "")]
    (folder / "model_index.json").write_text(json.dumps(index))


def _save(folder: Path, pipeline: str, transformer: Any, vae: Any, text: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    transformer.save_pretrained(folder / "transformer", max_shard_size="40KB")
    vae.save_pretrained(folder / "vae")
    text.save_pretrained(folder / "text_encoder")
    _write_tokenizer(folder / "tokenizer")
    index = {
        "_class_name": pipeline,
        "transformer": ["diffusers", type(transformer).__name__],
        "vae": ["diffusers", type(vae).__name__],
        "text_encoder": ["transformers", type(text).__name__],
        "tokenizer": ["transformers", "T5TokenizerFast"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))


def _t5(config: Any) -> Any:
    return config(
        vocab_size=len(LETTERS) + 4,
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        dropout_rate=0.0,
    )


def _image_vae() -> Any:
    import diffusers

    untyped: Any = diffusers
    return untyped.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 4, 8),
        norm_num_groups=2,
        latent_channels=4,
        mid_block_add_attention=False,
        scaling_factor=0.5,
    )


def _write_tokenizer(folder: Path) -> None:
    """A token a letter, `</s>` at the end."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "</s>", "<unk>", *LETTERS]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    untyped: Any = PreTrainedTokenizerFast
    made = untyped(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=TOKENS,
    )
    made.save_pretrained(folder)
