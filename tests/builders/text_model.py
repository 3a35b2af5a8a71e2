"""Tiny CLIP models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_tiny_clip(folder: Path) -> Path:
    """Write a tiny random CLIP model in open_clip's layout; it reads 12 tokens."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    configuration = {
        "embed_dim": 8,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 32,
            "patch_size": 16,
            "head_width": 16,
        },
        "text_cfg": {
            "context_length": 12,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.CLIP(**configuration)
    folder.mkdir(parents=True)
    text = json.dumps({"model_cfg": configuration, "preprocess_cfg": {}})
    (folder / "open_clip_config.json").write_text(text)
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


def write_transformers_clip(folder: Path) -> Path:
    """Write a tiny random CLIPModel with its processor, in the layout of transformers.

    It has the shape and vocabulary of `write_tiny_clip`, and other weights.
    """
    import torch
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    words = SimpleTokenizer()
    begin, end = words.sot_token_id, words.eot_token_id
    vocabulary = words.encoder | {"<|startoftext|>": begin, "<|endoftext|>": end}  # other names
    for token, place in words.encoder.items():
        if place in (begin, end):
            del vocabulary[token]
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_act": "gelu"}
    text = {"hidden_size": 16, "intermediate_size": 64, "max_position_embeddings": 12}
    marks = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    vision = {"hidden_size": 32, "intermediate_size": 128, "image_size": 32, "patch_size": 16}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = CLIPModel(
            CLIPConfig(
                text_config=layers | text | marks | {"vocab_size": len(vocabulary)},
                vision_config=layers | vision,
                projection_dim=8,
            )
        )
        for parameter in model.parameters():  # as created, many are zero or one
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    size = {"height": 32, "width": 32}
    untyped: Any = CLIPProcessor
    untyped(
        image_processor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size),
        tokenizer=CLIPTokenizer(vocab=vocabulary, merges=[*words.bpe_ranks]),
    ).save_pretrained(folder)
    return folder


def convert_clip(folder: Path, target: Path) -> Path:
    """Write the weights of `write_transformers_clip` in the layout of open_clip."""
    import torch
    from safetensors.torch import load_file, save_file

    write_tiny_clip(target)
    theirs = load_file(folder / "model.safetensors")
    ours: dict[str, torch.Tensor] = {"logit_scale": theirs["logit_scale"]}
    for tower, prefix, names in (
        ("text_model", "", _TEXT),
        ("vision_model", "visual.", _VISION),
    ):
        for name, other in names.items():
            ours[prefix + name] = theirs[f"{tower}.{other}"]
        block, layer = f"{prefix}transformer.resblocks.0", f"{tower}.encoder.layers.0"
        for kind in ("weight", "bias"):
            ours[f"{block}.attn.in_proj_{kind}"] = torch.cat(
                [theirs[f"{layer}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            )
            for name, other in _LAYER.items():
                ours[f"{block}.{name}.{kind}"] = theirs[f"{layer}.{other}.{kind}"]
    ours["text_projection"] = theirs["text_projection.weight"].T.contiguous()
    ours["visual.proj"] = theirs["visual_projection.weight"].T.contiguous()
    save_file(ours, target / "open_clip_model.safetensors")
    return target


_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_TEXT = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_VISION = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",  # spelt so by transformers
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
