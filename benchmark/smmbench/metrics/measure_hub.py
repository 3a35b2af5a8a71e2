"""PickScore and DINO consistency, by transformers, where their weights are."""

from __future__ import annotations

from typing import Any

import transformers

from smmbench.metrics.definition import Metric
from smmbench.metrics.dino_consistency import dino_consistency
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.models.frame_model import FrameModel, first_tokens, image_text_logits
from smmbench.scoring.models.hub_model import HubModel, hub_folder
from smmbench.scoring.resources import Resources
from smmbench.storage.array_cache import cached_arrays

PICKSCORE = HubModel(
    "yuvalkirstain/PickScore_v1", "a4e4367c6dfa7288a00c550414478f865b875800", "SMMBENCH_PICKSCORE"
)
DINO = HubModel("facebook/dinov2-base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415", "SMMBENCH_DINO")


class PickScoreMeasure:
    """Asks a model of human preferences about each frame."""

    def __init__(self, model: FrameModel) -> None:
        self._model = model

    def origin(self, task: Task) -> dict[str, Any]:
        """The model: the prompt is part of the origin where a metric reads it."""
        return {"model": self._model.origin(), "prompt": task.prompt}

    def measure(self, task: Task) -> Measured:
        """Mean over frames; a prompt that is cut is noted."""
        value = image_text_logits(self._model, task.output.frames, task.prompt).mean()
        tokens = self._model.processor.tokenizer
        longer = len(tokens(task.prompt)["input_ids"]) > tokens.model_max_length
        note = f"The prompt is cut at the {tokens.model_max_length} tokens that PickScore reads."
        return Measured(float(value), note=note if longer else "")


class DINOMeasure:
    """Compares the frames of an output with each other."""

    def __init__(self, model: FrameModel) -> None:
        self._model = model

    def origin(self, task: Task) -> dict[str, Any]:
        """The model."""
        return {"model": self._model.origin()}

    def measure(self, task: Task) -> Measured:
        """Mean cosine; embeddings are kept on disk."""
        frames = cached_arrays(
            "embeddings",
            {"pixels": task.pixels, "token": "first", **self._model.origin()},
            lambda: {"frames": first_tokens(self._model, task.output.frames)},
        )["frames"]
        return Measured(dino_consistency(frames))


def load_pickscore(wanted: Metric, resources: Resources) -> PickScoreMeasure:
    """Load PickScore (Kirstain et al., NeurIPS 2023)."""
    model, processor = transformers.CLIPModel, transformers.CLIPProcessor
    return PickScoreMeasure(FrameModel(hub_folder(PICKSCORE), model, processor, resources.device))


def load_dino(wanted: Metric, resources: Resources) -> DINOMeasure:
    """Load DINOv2 (Oquab et al., TMLR 2024), base size."""
    model, processor = transformers.Dinov2Model, transformers.AutoImageProcessor
    return DINOMeasure(FrameModel(hub_folder(DINO), model, processor, resources.device))
