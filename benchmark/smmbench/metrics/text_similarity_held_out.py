"""Text similarity under a second model, which no method was tuned against.

A distribution that registers a text model may register another one, trained separately, under the
same name with the suffix `-held-out`. Outputs that were optimised for the first model score lower
under the second.
"""

from __future__ import annotations

from typing import Any

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.metrics.text_similarity import clip_text_similarity, frame_similarities


class TextSimilarityHeldOut(Metric):
    """Compares every frame of an output with its prompt, by the held-out text model."""

    name = "text_similarity_held_out"
    version = 1
    title = "CLIP text similarity, held-out model"
    description = (
        "Text similarity by a second model that no method was tuned against; its numbers do not "
        "compare with the first one's."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("text-model", "weights")
    source = "this project: datasets/docs/gaming.md"
    extra = True
    order = 14

    def __init__(self, resources: Resources) -> None:
        self._embeddings = resources.held_out_embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The held-out model, which accompanies the model that the protocol names."""
        return self._embeddings.origin()

    def measure(self, task: Task) -> Measured:
        """Mean cosine; notes a prompt whose end the model does not read."""
        frames, prompt = self._embeddings.of_frames(task), self._embeddings.of_prompt(task.prompt)
        return Measured(
            clip_text_similarity(frames, prompt),
            note=self._embeddings.remark(task.prompt),
            per_frame={self.name: tuple(frame_similarities(frames, prompt).tolist())},
        )
