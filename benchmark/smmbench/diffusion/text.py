"""Encode prompts to text states: the text encoders of the families, by class."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

Text = Float[Tensor, "batch token width"]


class TextEncoder(ABC):
    """A text encoder and its tokenizer.

    Args:
        network: Frozen.
        tokenizer: The tokenizer with which it was trained.
    """

    network_class: ClassVar[str]  # in transformers

    def __init__(self, network: nn.Module, tokenizer: Any) -> None:
        self.network: Any = network
        self.tokenizer = tokenizer

    @property
    @abstractmethod
    def length(self) -> int:
        """Number of tokens to which a prompt is cut or padded."""

    @property
    def width(self) -> int:
        """Width of the text states."""
        return int(self.network.config.hidden_size)

    @abstractmethod
    def states(self, tokens: Any, device: torch.device) -> Text:
        """The network's states for tokenized prompts."""

    @torch.no_grad()
    def embed(self, prompts: Sequence[str], device: torch.device) -> Text:
        """Encode prompts, cut or padded to the encoder's length; a cut warns."""
        length = self.length
        filled = self.tokenizer(
            list(prompts), padding="max_length", max_length=length, truncation=True
        )
        uncut = self.tokenizer(list(prompts), verbose=False)["input_ids"]
        for prompt, whole in zip(prompts, uncut, strict=True):
            if len(whole) > length:
                warnings.warn(
                    f"The prompt has {len(whole)} tokens, but the text encoder reads {length}: its "
                    f"end is cut: {prompt!r}",
                    stacklevel=2,
                )
        return self.states(filled, device).float()


class ClipText(TextEncoder):
    """CLIP's text encoder, as in ZeroScope and ModelScope."""

    network_class = "CLIPTextModel"

    @property
    def length(self) -> int:
        """As stated by the tokenizer."""
        return int(self.tokenizer.model_max_length)

    def states(self, tokens: Any, device: torch.device) -> Text:
        """States of all tokens, including padding."""
        found: Text = self.network(torch.tensor(tokens["input_ids"], device=device))[0]
        return found


class T5Text(TextEncoder):
    """T5, as in CogVideoX: padding is processed like text."""

    network_class = "T5EncoderModel"
    longest: ClassVar[int] = 226

    @property
    def length(self) -> int:
        """The length on which the family was trained, or less if the tokenizer says so."""
        return min(self.longest, int(self.tokenizer.model_max_length))

    def states(self, tokens: Any, device: torch.device) -> Text:
        """States of all tokens, including padding."""
        found: Text = self.network(torch.tensor(tokens["input_ids"], device=device))[0]
        return found


class UMT5Text(T5Text):
    """UMT5, as in Wan: padding is masked, and its states are zero."""

    network_class = "UMT5EncoderModel"
    longest = 512

    def states(self, tokens: Any, device: torch.device) -> Text:
        """States that are zero after the end of each prompt.

        The padding is masked and positions are relative, so tokens after the end of the longest
        prompt change nothing and are not computed: a prompt has some twenty of 512 tokens.
        """
        ids, mask = (
            torch.tensor(tokens[name], device=device) for name in ("input_ids", "attention_mask")
        )
        longest = int(mask.sum(1).max())
        found: Text = self.network(ids[:, :longest], mask[:, :longest])[0]
        found = torch.where(mask[:, :longest, None] > 0, found, 0)
        return torch.nn.functional.pad(found, (0, 0, 0, ids.shape[1] - longest))


TEXT_ENCODERS: tuple[type[TextEncoder], ...] = (ClipText, T5Text, UMT5Text)
"""All supported text encoders."""
