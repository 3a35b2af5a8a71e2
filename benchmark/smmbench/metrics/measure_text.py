"""Text similarity of a video, with the model loaded and embeddings kept on disk."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32

from smmbench.metrics.array_cache import cached_arrays
from smmbench.metrics.clip_text import clip_text_similarity
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.text_model import TextModel


class TextMeasure:
    """Compares every frame of an output with its prompt."""

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self._model_origin = model.origin()
        self._prompts: dict[str, Float32[np.ndarray, " features"]] = {}

    def origin(self, task: Task) -> dict[str, Any]:
        """The model: the prompt is part of every origin."""
        return {"text_model": self._model_origin}

    def measure(self, task: Task) -> Measured:
        """Mean cosine; notes a prompt whose end the model does not read."""
        frames = cached_arrays(
            "embeddings",
            {"pixels": task.pixels, **self._model_origin},
            lambda: {"frames": self._model.embed_frames(task.output.frames)},
        )["frames"]
        if task.prompt not in self._prompts:
            self._prompts[task.prompt] = self._model.embed_text(task.prompt)
        value = clip_text_similarity(frames, self._prompts[task.prompt])
        return Measured(value, note=self._note(task.prompt))

    def _note(self, prompt: str) -> str:
        if not self._model.cuts(prompt):
            return ""
        room = self._model.context_length
        return f"The prompt is longer than the {room} tokens that the text model reads."
