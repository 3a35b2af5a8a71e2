"""Text similarity after a mild blur: does it depend on visible content?

A pattern of a few grey levels, optimised against the text model, raises text similarity while it is
invisible to a viewer. Such patterns have fine detail, which a blur removes; the content of a frame
survives it. If this number falls far below the plain one, look at the videos.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.metrics.text_similarity import clip_text_similarity, frame_similarities
from smmbench.video import Video

BLUR = 1 / 96
"""Standard deviation of the Gaussian, of a frame's longer side: 1.3 pixels of 128."""

Frames = UInt8[np.ndarray, "time height width 3"]


def degraded(frames: Frames) -> Frames:
    """Frames after a mild blur, in 8 bits."""
    spread = BLUR * max(frames.shape[1:3])
    return np.stack([cv2.GaussianBlur(frame, (0, 0), spread) for frame in frames])


class TextSimilarityDegraded(Metric):
    """Compares every frame of an output, slightly blurred, with its prompt."""

    name = "text_similarity_degraded"
    version = 1
    title = "CLIP text similarity, blurred"
    description = (
        "Text similarity after a mild blur, which honest outputs survive and adversarial patterns "
        "do not."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("text-model",)
    source = "this project: datasets/docs/gaming.md"
    extra = True
    order = 12

    def __init__(self, resources: Resources) -> None:
        self._embeddings = resources.embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model and the blur."""
        return self._embeddings.origin() | {"blur": BLUR}

    def measure(self, task: Task) -> Measured:
        """Mean cosine; notes a prompt whose end the model does not read."""
        output = Video(degraded(task.output.frames), task.output.fps)
        blurred = replace(task, output=output, pixels=output.pixels_sha256)
        frames, prompt = (
            self._embeddings.of_frames(blurred),
            self._embeddings.of_prompt(task.prompt),
        )
        return Measured(
            clip_text_similarity(frames, prompt),
            note=self._embeddings.remark(task.prompt),
            per_frame={self.name: tuple(frame_similarities(frames, prompt).tolist())},
        )
