"""PickScore: would people prefer these frames for this prompt?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import FrameModel, HubModel, Resources

MODEL = HubModel(
    "yuvalkirstain/PickScore_v1", "a4e4367c6dfa7288a00c550414478f865b875800", "SMMBENCH_PICKSCORE"
)


def image_text_logits(
    model: FrameModel, frames: UInt8[np.ndarray, "time height width 3"], prompt: str
) -> Float32[np.ndarray, " time"]:
    """Cosine of each frame with the prompt, times the model's learned temperature.

    A prompt that is longer than the model reads is truncated, as in PickScore.
    """
    words: dict[str, Any] = {"text": [prompt], "padding": "max_length", "truncation": True}
    batches = model.batches(frames, **words)
    return np.concatenate([out.logits_per_image[:, 0].float().cpu().numpy() for out in batches])


class PickScore(Metric):
    """Scores each frame with a model of human preferences."""

    name = "pickscore"
    version = 1
    title = "PickScore"
    description = "Mean over frames of a human-preference model's score of frame and prompt."
    higher_is_better = True
    minimum, maximum, worst = -100.0, 100.0, -100.0
    needs = ("weights",)
    source = "Kirstain et al., NeurIPS 2023"
    extra = True
    order = 90

    def __init__(self, resources: Resources) -> None:
        self._model = resources.frame_model(MODEL, "CLIPModel", "CLIPProcessor")

    def origin(self, task: Task) -> dict[str, Any]:
        """The model: the prompt is part of the origin where a metric reads it."""
        return {"model": self._model.origin(), "prompt": task.prompt}

    def measure(self, task: Task) -> Measured:
        """Mean over frames; a truncated prompt is noted."""
        logits = image_text_logits(self._model, task.output.frames, task.prompt)
        tokens = self._model.processor.tokenizer
        longer = len(tokens(task.prompt)["input_ids"]) > tokens.model_max_length
        note = f"The prompt is truncated to the {tokens.model_max_length} tokens of PickScore."
        return Measured(
            float(logits.mean()),
            note=note if longer else "",
            per_frame={self.name: tuple(logits.tolist())},
        )
