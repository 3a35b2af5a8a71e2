"""Embeddings of frames and prompts by one text model, computed once and cached."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32

from smmbench.metrics import Task
from smmbench.scoring.models.text_model import TextModel
from smmbench.storage.array_cache import cached_arrays


class Embeddings:
    """The shared resources of the metrics of one text model.

    Args:
        model: The text model.
        prefix: The protocol's exact prefix of every embedded prompt.
    """

    def __init__(self, model: TextModel, prefix: str = "") -> None:
        self._model = model
        self._model_origin = model.origin()
        self._prefix = prefix
        self._prompts: dict[str, Float32[np.ndarray, " features"]] = {}

    def origin(self) -> dict[str, Any]:
        """The model; the prefix is the protocol's, and prompts belong to a pair."""
        return {"text_model": self._model_origin}

    def of_frames(self, task: Task) -> Float32[np.ndarray, "time features"]:
        """Embeddings of an output's frames, cached on disk."""
        return cached_arrays(
            "embeddings",
            {"pixels": task.pixels, **self._model_origin},
            lambda: {"frames": self._model.embed_frames(task.output.frames)},
        )["frames"]

    def of_prompt(self, prompt: str) -> Float32[np.ndarray, " features"]:
        """Embedding of the prefix and a prompt."""
        text = self._prefix + prompt
        if text not in self._prompts:
            self._prompts[text] = self._model.embed_text(text)
        return self._prompts[text]

    def remark(self, prompt: str) -> str:
        """A note if the model does not read prefix and prompt in full; empty if it does."""
        text = self._prefix + prompt
        if not self._model.cuts(text):
            return ""
        with_prefix = " with its prefix" if self._prefix else ""
        return (
            f"The prompt{with_prefix} is longer than the {self._model.context_length} tokens that "
            f"the text model reads: the end of '{text}' is not read."
        )
