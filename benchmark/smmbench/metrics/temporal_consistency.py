"""Temporal consistency: how alike are consecutive frames?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources
from smmbench.metrics.unit import unit


def temporal_consistency(frame_embeddings: Float[np.ndarray, "time features"]) -> float:
    """Mean cosine between the embeddings of each frame and the next, -1 to 1.

    A frozen video has 1. This is the consecutive form used by VideoGrain and EditVerse.

    Raises:
        ValueError: Fewer than two frames, or an embedding has no direction (zero or not finite).
    """
    return float(consecutive_cosines(frame_embeddings).mean())


def consecutive_cosines(
    frame_embeddings: Float[np.ndarray, "time features"],
) -> Float[np.ndarray, " steps"]:
    """Cosine between the embeddings of each frame and the next; raises as above."""
    if len(frame_embeddings) < 2:
        raise ValueError(f"Temporal consistency needs two frames, got {len(frame_embeddings)}.")
    frames = unit(frame_embeddings)
    return (frames[1:] * frames[:-1]).sum(axis=-1)


class TemporalConsistency(Metric):
    """Compares each frame of an output with the next, by the embeddings of text similarity."""

    name = "temporal_consistency"
    version = 1
    title = "Temporal consistency, consecutive frames"
    description = (
        "Mean cosine between the CLIP embeddings of each frame and the next; a frozen video has 1."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("text-model",)
    source = "as VideoGrain (Yang et al., ICLR 2025) and EditVerse report it"
    order = 30

    def __init__(self, resources: Resources) -> None:
        self._embeddings = resources.embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model that embeds the frames."""
        return self._embeddings.origin()

    def measure(self, task: Task) -> Measured:
        """Mean cosine; by frame, that with the frame before."""
        frames = self._embeddings.of_frames(task)
        cosines = consecutive_cosines(frames)
        return Measured(
            temporal_consistency(frames), per_frame={self.name: (None, *cosines.tolist())}
        )
