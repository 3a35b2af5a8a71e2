"""DINO consistency: does the subject stay the same?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import FrameModel, HubModel, Resources
from smmbench.metrics.unit import unit

MODEL = HubModel(
    "facebook/dinov2-base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415", "SMMBENCH_DINO"
)


def dino_consistency(frame_embeddings: Float[np.ndarray, "time features"]) -> float:
    """Mean cosine of each later frame with the first frame and with the one before, -1 to 1.

    Both count the same, as in DeT and in VBench's subject consistency; nothing is clamped. A
    frozen video has 1.

    Raises:
        ValueError: Fewer than two frames, or an embedding has no direction (zero or not finite).
    """
    return float(later_frames(frame_embeddings).mean())


def later_frames(
    frame_embeddings: Float[np.ndarray, "time features"],
) -> Float[np.ndarray, " steps"]:
    """Mean of both cosines for each frame after the first; raises as `dino_consistency`."""
    if len(frame_embeddings) < 2:
        raise ValueError(f"DINO consistency needs two frames, got {len(frame_embeddings)}.")
    frames = unit(frame_embeddings)
    first = frames[1:] @ frames[0]
    before = (frames[1:] * frames[:-1]).sum(axis=-1)
    return (first + before) / 2


def first_tokens(
    model: FrameModel, frames: UInt8[np.ndarray, "time height width 3"]
) -> Float32[np.ndarray, "time features"]:
    """The class token of each frame, which is the embedding that is compared."""
    batches = model.batches(frames)
    return np.concatenate([out.last_hidden_state[:, 0].float().cpu().numpy() for out in batches])


class DINOConsistency(Metric):
    """Compares the frames of an output with each other, by DINOv2 of base size."""

    name = "dino_consistency"
    version = 1
    title = "DINO consistency"
    description = (
        "Mean cosine between the DINOv2 embeddings of each frame, the first, and the one before; "
        "a frozen video has 1."
    )
    higher_is_better = True
    minimum, maximum, worst = -1.0, 1.0, -1.0
    needs = ("weights",)
    source = "as DeT and VBench (Huang et al., CVPR 2024) compare, by Oquab et al., TMLR 2024"
    extra = True
    order = 100

    def __init__(self, resources: Resources) -> None:
        self._arrays = resources.arrays
        self._model = resources.frame_model(MODEL, "Dinov2Model", "AutoImageProcessor")

    def origin(self, task: Task) -> dict[str, Any]:
        """The model."""
        return {"model": self._model.origin()}

    def measure(self, task: Task) -> Measured:
        """Mean cosine; embeddings are kept on disk."""
        frames = self._arrays(
            "embeddings",
            {"pixels": task.pixels, "token": "first", **self._model.origin()},
            lambda: {"frames": first_tokens(self._model, task.output.frames)},
        )["frames"]
        value = dino_consistency(frames)
        return Measured(value, per_frame={self.name: (None, *later_frames(frames).tolist())})
