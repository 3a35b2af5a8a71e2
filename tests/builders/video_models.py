"""Tiny random models in the layouts of transformers: LLaVA, which answers, and X-CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = (
    *("<unk>", "<pad>", "<s>", "</s>", "<image>", "USER", "ASSISTANT", ":", "Yes", "No", "a"),
    *("dog", "cat", "Does", "this", "figure", "show", "'", "?", ".", "Please", "answer", "yes"),
    *("or", "no", "runs"),
)
LAYERS: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def _words(folder: Path, words: Sequence[str] = WORDS) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    tokens: Any = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, "<unk>"))
    tokens.pre_tokenizer = Whitespace()
    untyped: Any = PreTrainedTokenizerFast
    made = untyped(
        tokenizer_object=tokens,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
    )
    made.save_pretrained(folder)
    return made


def write_tiny_llava(folder: Path, words: Sequence[str] = WORDS, seed: int = 0) -> Path:
    """Write a LLaVA of one layer that knows these words."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = _words(folder, words)
    vision = CLIPVisionConfig(**LAYERS, image_size=32, patch_size=16)
    language = LlamaConfig(**LAYERS, vocab_size=len(words), pad_token_id=1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(
            LlavaConfig(
                vision_config=vision,
                text_config=language,
                image_token_index=words.index("<image>"),
                vision_feature_layer=-1,
            )
        )
    model.save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    untyped: Any = LlavaProcessor
    untyped(
        images,
        tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder


def write_tiny_xclip(folder: Path) -> Path:
    """Write an X-CLIP of one layer that sees 4 frames and reads 12 tokens."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        XCLIPConfig,
        XCLIPModel,
        XCLIPTextConfig,
        XCLIPVisionConfig,
    )

    _words(folder)
    text = XCLIPTextConfig(
        **LAYERS, vocab_size=len(WORDS), max_position_embeddings=12, eos_token_id=3
    )
    vision = XCLIPVisionConfig(
        **LAYERS,
        image_size=32,
        patch_size=16,
        num_frames=4,
        mit_hidden_size=16,
        mit_intermediate_size=16,
        mit_num_hidden_layers=1,
        mit_num_attention_heads=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = XCLIPConfig(
            text_config=text.to_dict(),
            vision_config=vision.to_dict(),
            projection_dim=16,
            prompt_num_attention_heads=2,
        )
        XCLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    return folder
