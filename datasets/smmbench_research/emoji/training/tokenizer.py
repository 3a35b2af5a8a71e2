"""The tokenizer of the small text-to-video model: CLIP's byte-pair class, one token per word.

The merges are constructed so that every word of the world's captions is one token; any other word
is split into letters.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from smmbench_datasets.emoji.atlas import OBJECTS
from smmbench_datasets.emoji.motions import MOTIONS
from smmbench_datasets.emoji.scenes import NOUNS, SCENES

MAX_TOKENS = 24  # the longest caption of the world has 13, including start and end
START, END = "<|startoftext|>", "<|endoftext|>"


def words() -> list[str]:
    """Return every word of the world's captions, in a fixed order."""
    texts = ["a an the", *OBJECTS, *MOTIONS.values(), *SCENES.values(), *NOUNS.values()]
    return list(dict.fromkeys(word for text in texts for word in text.split()))


def byte_pairs(vocabulary: list[str]) -> list[tuple[str, str]]:
    """Return merges, in order of priority, that make each word one token.

    A merge is only ever added after those that finished earlier words, so it cannot undo them.
    """
    merges: list[tuple[str, str]] = []
    for word in vocabulary:
        pieces = _apply(merges, [*word[:-1], word[-1] + "</w>"])
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = _apply(merges, pieces)
    return merges


def _apply(merges: list[tuple[str, str]], pieces: list[str]) -> list[str]:
    rank = {pair: index for index, pair in enumerate(merges)}
    while True:
        pairs = list(pairwise(pieces))
        best = min(pairs, key=lambda pair: rank.get(pair, len(merges)), default=None)
        if best not in rank:
            return pieces
        at = pairs.index(best)
        pieces = [*pieces[:at], pieces[at] + pieces[at + 1], *pieces[at + 2 :]]


def save_tokenizer(folder: Path) -> None:
    """Write `vocab.json`, `merges.txt` and the configuration that `CLIPTokenizer` loads."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = byte_pairs(words())
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += [first + second for first, second in merges]
    tokens = [*dict.fromkeys(tokens), START, END]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    configuration = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": MAX_TOKENS,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
        "do_lower_case": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration, indent=2), "utf-8")
