"""Finds prompts of a clip that the text model cannot distinguish."""

from __future__ import annotations

from smmbench.dataset import PromptKey, Protocol
from smmbench.scoring.models.text_model import TextModel


def prompt_check(protocol: Protocol) -> PromptKey:
    """Build the key by which the protocol's text model distinguishes prompts.

    The model reads a limited number of tokens: two prompts that differ only after them are
    identical to it, and two edits get the same score.

    Raises:
        LookupError: There is no such model.
        OSError: Its weights are unavailable.
    """
    model = TextModel(protocol.text_model, "cpu")
    return lambda prompt: model.tokens(protocol.text_prefix + prompt)
