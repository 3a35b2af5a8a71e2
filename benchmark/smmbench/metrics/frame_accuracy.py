"""Frame accuracy: how many frames show the target rather than the source?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.metrics.unit import unit


def frame_accuracy(
    frame_embeddings: Float[np.ndarray, "time features"],
    target_embedding: Float[np.ndarray, " features"],
    source_embedding: Float[np.ndarray, " features"],
) -> float:
    """Share of frames whose cosine with the target prompt is above that with the source prompt.

    The value is from 0 to 1; a frame equally close to both does not count. Defined in FateZero (Qi
    et al., ICCV 2023).

    Raises:
        ValueError: There is no frame, or an embedding has no direction (zero or not finite).
    """
    return float(shows_target(frame_embeddings, target_embedding, source_embedding).mean())


def shows_target(
    frame_embeddings: Float[np.ndarray, "time features"],
    target_embedding: Float[np.ndarray, " features"],
    source_embedding: Float[np.ndarray, " features"],
) -> Bool[np.ndarray, " time"]:
    """Which frames are nearer to the target prompt; raises as `frame_accuracy`."""
    if len(frame_embeddings) == 0:
        raise ValueError("Frame accuracy needs at least one frame.")
    frames = unit(frame_embeddings)
    return frames @ unit(target_embedding) > frames @ unit(source_embedding)


class FrameAccuracy(Metric):
    """Compares the frames of an output with its own prompt and with the source's."""

    name = "frame_accuracy"
    version = 1
    title = "Frame accuracy"
    description = (
        "Share of frames whose CLIP embedding is nearer to the target prompt than to the source's."
    )
    higher_is_better = True
    minimum, maximum, worst = 0.0, 1.0, 0.0
    needs = ("text-model", "source-prompt")
    source = "FateZero, Qi et al., ICCV 2023"
    extra = True  # not every dataset says what its clips show
    order = 50

    def __init__(self, resources: Resources) -> None:
        self._embeddings = resources.embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model, and the prompt of the source."""
        return self._embeddings.origin() | {"source_prompt": task.clip.prompt}

    def measure(self, task: Task) -> Measured:
        """Share of frames; notes a prompt whose end the model does not read."""
        prompt = task.clip.prompt
        if not prompt:
            raise ValueError(f"Clip '{task.clip.name}' has no prompt that describes it.")
        embeddings = (
            self._embeddings.of_frames(task),
            self._embeddings.of_prompt(task.prompt),
            self._embeddings.of_prompt(prompt),
        )
        remarks = (self._embeddings.remark(text) for text in (task.prompt, prompt))
        return Measured(
            frame_accuracy(*embeddings),
            note=" ".join(filter(None, remarks)),
            per_frame={self.name: tuple(map(float, shows_target(*embeddings)))},
        )
