"""CLIP text similarity: does each frame show what the prompt describes?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.metrics.unit import unit


def clip_text_similarity(
    frame_embeddings: Float[np.ndarray, "time features"],
    text_embedding: Float[np.ndarray, " features"],
) -> float:
    """Mean over frames of the cosine between a frame's embedding and the text's, -1 to 1.

    The lengths of the embeddings do not matter. Nothing is clamped, scaled or weighted.

    Raises:
        ValueError: There is no frame, or an embedding has no direction (zero or not finite).
    """
    if len(frame_embeddings) == 0:
        raise ValueError("Text similarity needs at least one frame.")
    return float(frame_similarities(frame_embeddings, text_embedding).mean())


def frame_similarities(
    frame_embeddings: Float[np.ndarray, "time features"],
    text_embedding: Float[np.ndarray, " features"],
) -> Float[np.ndarray, " time"]:
    """Cosine between each frame's embedding and the text's; raises as `clip_text_similarity`."""
    return unit(frame_embeddings) @ unit(text_embedding)


class TextSimilarity(Metric):
    """Compares every frame of an output with its prompt."""

    name = "text_similarity"
    version = 1
    title = "CLIP text similarity"
    description = "Mean over frames of the cosine between embeddings of frame and prompt."
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("text-model",)
    source = "Radford et al., ICML 2021; Hessel et al., EMNLP 2021, without clamp and weight"
    order = 10

    def __init__(self, resources: Resources) -> None:
        self._embeddings = resources.embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model: the prompt is part of every origin."""
        return self._embeddings.origin()

    def measure(self, task: Task) -> Measured:
        """Mean cosine; notes a prompt whose end the model does not read."""
        frames, prompt = self._embeddings.of_frames(task), self._embeddings.of_prompt(task.prompt)
        return Measured(
            clip_text_similarity(frames, prompt),
            note=self._embeddings.remark(task.prompt),
            per_frame={self.name: tuple(frame_similarities(frames, prompt).tolist())},
        )
