"""Text similarity of a video."""

from __future__ import annotations

from typing import Any

from smmbench.metrics.clip_text import clip_text_similarity
from smmbench.metrics.definition import Metric
from smmbench.scoring.embeddings import Embeddings
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.resources import Resources


class TextMeasure:
    """Compares every frame of an output with its prompt."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model: the prompt is part of every origin."""
        return self._embeddings.origin()

    def measure(self, task: Task) -> Measured:
        """Mean cosine; notes a prompt whose end the model does not read."""
        frames, prompt = self._embeddings.of_frames(task), self._embeddings.of_prompt(task.prompt)
        value = clip_text_similarity(frames, prompt)
        return Measured(value, note=self._embeddings.remark(task.prompt))


def load(wanted: Metric, resources: Resources) -> TextMeasure:
    """Load the protocol's text model."""
    return TextMeasure(resources.embeddings)
