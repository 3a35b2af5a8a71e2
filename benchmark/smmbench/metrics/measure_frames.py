"""Frame accuracy and temporal consistency, from the embeddings that text similarity keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from smmbench.metrics.definition import Metric
from smmbench.metrics.frame_accuracy import frame_accuracy
from smmbench.metrics.temporal_consistency import temporal_consistency
from smmbench.metrics.temporal_consistency_pairs import temporal_consistency_pairs
from smmbench.scoring.embeddings import Embeddings
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.resources import Resources


class ConsistencyMeasure:
    """Compares the frames of an output with each other."""

    def __init__(self, embeddings: Embeddings, compute: Callable[[np.ndarray], float]) -> None:
        self._embeddings = embeddings
        self._compute = compute

    def origin(self, task: Task) -> dict[str, Any]:
        """The model that embeds the frames."""
        return self._embeddings.origin()

    def measure(self, task: Task) -> Measured:
        """Mean cosine between frames."""
        return Measured(self._compute(self._embeddings.of_frames(task)))


class AccuracyMeasure:
    """Compares the frames of an output with its own prompt and with the source's."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def origin(self, task: Task) -> dict[str, Any]:
        """The model, and the prompt of the source."""
        return self._embeddings.origin() | {"source_prompt": task.clip.prompt}

    def measure(self, task: Task) -> Measured:
        """Share of frames; notes a prompt whose end the model does not read."""
        source = task.clip.prompt
        if not source:
            raise ValueError(f"Clip '{task.clip.name}' has no prompt that says what it shows.")
        value = frame_accuracy(
            self._embeddings.of_frames(task),
            self._embeddings.of_prompt(task.prompt),
            self._embeddings.of_prompt(source),
        )
        remarks = (self._embeddings.remark(text) for text in (task.prompt, source))
        return Measured(value, note=" ".join(filter(None, remarks)))


def load_consistency(wanted: Metric, resources: Resources) -> ConsistencyMeasure:
    """Consecutive frames."""
    return ConsistencyMeasure(resources.embeddings, temporal_consistency)


def load_pairs(wanted: Metric, resources: Resources) -> ConsistencyMeasure:
    """All pairs of frames."""
    return ConsistencyMeasure(resources.embeddings, temporal_consistency_pairs)


def load_accuracy(wanted: Metric, resources: Resources) -> AccuracyMeasure:
    """Target against source."""
    return AccuracyMeasure(resources.embeddings)
