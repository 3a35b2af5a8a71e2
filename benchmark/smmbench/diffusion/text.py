"""Prompts to text states: the text encoders of the families, by their class."""

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
        tokenizer: As it was trained with.
    """

    network_class: ClassVar[str]  # in transformers

    def __init__(self, network: nn.Module, tokenizer: Any) -> None:
        self.network: Any = network
        self.tokenizer = tokenizer

    @property
    @abstractmethod
    def length(self) -> int:
        """Tokens that a prompt is cut or filled up to."""

    @property
    def width(self) -> int:
        """Width of the text states."""
        return int(self.network.config.hidden_size)

    @abstractmethod
    def states(self, tokens: Any, device: torch.device) -> Text:
        """What the network makes of tokenized prompts."""

    @torch.no_grad()
    def embed(self, prompts: Sequence[str], device: torch.device) -> Text:
        """Encode prompts, cut or filled up to the encoder's length; a cut warns."""
        length = self.length
        filled = self.tokenizer(
            list(prompts), padding="max_length", max_length=length, truncation=True
        )
        uncut = self.tokenizer(list(prompts), verbose=False)["input_ids"]
        for prompt, whole in zip(prompts, uncut, strict=True):
            if len(whole) > length:
                warnings.warn(
                    f"The prompt has {len(whole)} tokens, the text encoder reads {length}; its end "
                    f"is cut: {prompt!r}",
                    stacklevel=2,
                )
        return self.states(filled, device).float()


class ClipText(TextEncoder):
    """CLIP's, as ZeroScope and ModelScope have it."""

    network_class = "CLIPTextModel"

    @property
    def length(self) -> int:
        """As the tokenizer says."""
        return int(self.tokenizer.model_max_length)

    def states(self, tokens: Any, device: torch.device) -> Text:
        """All tokens, those of the padding too."""
        found: Text = self.network(torch.tensor(tokens["input_ids"], device=device))[0]
        return found


class T5Text(TextEncoder):
    """T5, as CogVideoX has it: the padding is read like text."""

    network_class = "T5EncoderModel"
    longest: ClassVar[int] = 226

    @property
    def length(self) -> int:
        """What the family was trained on, or less where the tokenizer says so."""
        return min(self.longest, int(self.tokenizer.model_max_length))

    def states(self, tokens: Any, device: torch.device) -> Text:
        """All tokens, those of the padding too."""
        found: Text = self.network(torch.tensor(tokens["input_ids"], device=device))[0]
        return found


class UMT5Text(T5Text):
    """UMT5, as Wan has it: the padding is not read, and its states are zero."""

    network_class = "UMT5EncoderModel"
    longest = 512

    def states(self, tokens: Any, device: torch.device) -> Text:
        """Zero behind the end of each prompt.

        The padding is masked and positions are relative, so that what lies behind the longest
        prompt changes nothing and is not computed: of 512 tokens a prompt has some twenty.
        """
        ids, mask = (
            torch.tensor(tokens[name], device=device) for name in ("input_ids", "attention_mask")
        )
        longest = int(mask.sum(1).max())
        found: Text = self.network(ids[:, :longest], mask[:, :longest])[0]
        found = torch.where(mask[:, :longest, None] > 0, found, 0)
        return torch.nn.functional.pad(found, (0, 0, 0, ids.shape[1] - longest))


TEXT_ENCODERS: tuple[type[TextEncoder], ...] = (ClipText, T5Text, UMT5Text)
"""All that there are."""
