"""Similarity of prompt and whole video by a video-text model: X-CLIP."""

from __future__ import annotations

from typing import Any

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources

VARIABLE = "SMMBENCH_XCLIP"


class VideoTextSimilarity(Metric):
    """Compares an output as a whole with its prompt."""

    name = "video_text_similarity"
    version = 1
    title = "Video-text similarity"
    description = (
        "Cosine between the X-CLIP embeddings of a video, seen at evenly spaced frames together, "
        "and of its prompt."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("weights",)
    source = "Ni et al., ECCV 2022 (X-CLIP)"
    caution = (
        "it was not compared with people on motion transfer, and depends on the model that the "
        "user names"
    )
    extra = True
    order = 105

    def __init__(self, resources: Resources) -> None:
        self._model = resources.video_text(VARIABLE)

    def origin(self, task: Task) -> dict[str, Any]:
        """The model with the number of frames that it sees, and the prompt."""
        return {"model": self._model.origin(), "prompt": task.prompt}

    def measure(self, task: Task) -> Measured:
        """The cosine; a prompt that is cut is noted."""
        value = self._model.similarity(task.output.frames, task.prompt)
        note = "The prompt is cut at the tokens that the model reads."
        return Measured(value, note=note if self._model.cuts(task.prompt) else "")
