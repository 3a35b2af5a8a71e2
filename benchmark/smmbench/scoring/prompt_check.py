"""Which prompts of a clip are one to the text model that scores them."""

from __future__ import annotations

from smmbench.dataset import PromptKey, Protocol
from smmbench.scoring.models.text_model import TextModel


def prompt_check(protocol: Protocol) -> PromptKey:
    """Build the key by which the protocol's text model tells prompts apart.

    The model reads only so many tokens: two prompts that differ after those are one to it, and
    get one score for two edits.

    Raises:
        LookupError: No such model.
        OSError: Its weights cannot be had here.
    """
    model = TextModel(protocol.text_model, "cpu")
    return lambda prompt: model.tokens(protocol.text_prefix + prompt)
