"""Temporal consistency over all pairs: how alike are any two frames?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.metrics.unit import unit


def temporal_consistency_pairs(frame_embeddings: Float[np.ndarray, "time features"]) -> float:
    """Mean cosine between the embeddings of all pairs of two different frames, -1 to 1.

    A frozen video has 1. This is the form of the LOVEU-TGVE challenge (Wu et al., 2023).

    Raises:
        ValueError: Fewer than two frames, or an embedding has no direction (zero or not finite).
    """
    count = len(frame_embeddings)
    if count < 2:
        raise ValueError(f"Temporal consistency needs two frames, got {count}.")
    frames = unit(frame_embeddings)
    # |sum of units|^2 is the sum over all ordered pairs, each frame with itself too.
    whole = float(np.square(frames.sum(axis=0)).sum())
    return (whole - count) / (count * (count - 1))


def cosines_with_others(
    frame_embeddings: Float[np.ndarray, "time features"],
) -> Float[np.ndarray, " time"]:
    """Mean cosine of each frame with all others; their mean is `temporal_consistency_pairs`."""
    frames = unit(frame_embeddings)
    return (frames @ frames.sum(axis=0) - 1) / (len(frames) - 1)


class TemporalConsistencyPairs(Metric):
    """Compares the frames of an output with each other, by the embeddings of text similarity."""

    name = "temporal_consistency_pairs"
    version = 1
    title = "Temporal consistency, all pairs"
    description = "Mean cosine between the CLIP embeddings of any two frames; a frozen video has 1."
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("text-model",)
    source = "as LOVEU-TGVE (Wu et al., 2023) and FlexiAct report it"
    order = 40

    def __init__(self, resources: Resources) -> None:
        self._embeddings = resources.embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model that embeds the frames."""
        return self._embeddings.origin()

    def measure(self, task: Task) -> Measured:
        """Mean cosine; by frame, that with all others."""
        frames = self._embeddings.of_frames(task)
        value = temporal_consistency_pairs(frames)
        return Measured(value, per_frame={self.name: tuple(cosines_with_others(frames).tolist())})
