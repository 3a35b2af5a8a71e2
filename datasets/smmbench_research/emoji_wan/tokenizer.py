"""The tokenizers, with one token per word: T5's class for the backbone, a plain one for open_clip.

Both are Unigram models of `tokenizers` with one piece per word; any other word is split into
letters, which no model was trained on.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from smmbench.storage.atomic import write_text
from smmbench_datasets.emoji_wan.captions import words

MAX_TOKENS = 24  # the longest caption has 15, including its end
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"


def _pieces(end_last: bool) -> list[tuple[str, float]]:
    """Return pieces with log probabilities; a whole word is always likelier than its letters."""
    whole = [("▁" + word, -2.0) for word in words()]
    letters = [(letter, -20.0) for letter in ("▁", *string.ascii_letters, *string.digits)]
    special = [(PAD, 0.0), (UNKNOWN, 0.0)] if end_last else [(PAD, 0.0), (END, 0.0), (UNKNOWN, 0.0)]
    known = {piece for piece, _ in whole}
    rest = [pair for pair in letters if pair[0] not in known]
    return [*special, *whole, *rest, *([(END, 0.0)] if end_last else [])]


def build(end_last: bool = False) -> Tokenizer:
    """Return the tokenizer.

    Args:
        end_last: Give the end the highest number, where open_clip's text tower looks for it.
    """
    pieces = _pieces(end_last)
    numbers = [piece for piece, _ in pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=numbers.index(UNKNOWN)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", END], special_tokens=[(END, numbers.index(END))]
    )
    return tokenizer


def save(folder: Path, kind: str) -> None:
    """Write a folder that transformers loads.

    Args:
        folder: The folder.
        kind: `T5TokenizerFast` for the backbone, `PreTrainedTokenizerFast` for open_clip.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain = kind == "PreTrainedTokenizerFast"
    write_text(folder / "tokenizer.json", build(end_last=plain).to_str(pretty=True) + "\n")
    configuration: dict[str, Any] = {
        "tokenizer_class": kind,
        "model_max_length": MAX_TOKENS,
        "eos_token": END,
        "unk_token": UNKNOWN,
        "pad_token": PAD,
    }
    if not plain:
        configuration |= {"extra_ids": 0, "additional_special_tokens": []}
    write_text(folder / "tokenizer_config.json", json.dumps(configuration, indent=2) + "\n")
