"""A tiny CLIP model."""

from __future__ import annotations

import json
from pathlib import Path


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
