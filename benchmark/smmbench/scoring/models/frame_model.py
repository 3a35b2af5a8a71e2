"""Image models of transformers that evaluate frames: PickScore's CLIP, and DINOv2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import transformers
from jaxtyping import UInt8
from PIL import Image

from smmbench.scoring.models.hub_model import HubFolder
from smmbench.scoring.models.loading import load_from
from smmbench.scoring.models.text_model import full_precision

BATCH = 16  # frames at a time; the result does not depend on it

Frames = UInt8[np.ndarray, "time height width 3"]


class FrameModel:
    """A model with its processor, in float32 and eval mode.

    Args:
        folder: Folder of its files.
        model: Class that loads it: `transformers.CLIPModel`, `transformers.Dinov2Model`.
        processor: Class that prepares its input.
        device: Device of the model.

    Raises:
        WeightsMissingError: The files do not contain such a model.
    """

    def __init__(self, folder: HubFolder, model: Any, processor: Any, device: str) -> None:
        self.device = device
        loaded, self.processor = load_from(folder, model, processor)
        self.model = loaded.to(device)
        self._origin = folder.origin | {"version": 1, "transformers": transformers.__version__}

    def origin(self) -> dict[str, Any]:
        """Everything on which the numbers depend, besides pixels and prompt."""
        return self._origin

    def batches(self, frames: Frames, batch: int = BATCH, **given: Any) -> Iterator[Any]:
        """Yield the model's output for the frames, batch by batch; `given` is passed on."""
        for start in range(0, len(frames), batch):
            images = [Image.fromarray(frame) for frame in frames[start : start + batch]]
            inputs = self.processor(images=images, return_tensors="pt", **given).to(self.device)
            with torch.inference_mode(), full_precision():
                yield self.model(**inputs)
