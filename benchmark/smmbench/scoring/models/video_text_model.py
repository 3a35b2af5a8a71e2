"""X-CLIP: one embedding of a video, computed from several frames together, and one of a text."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers
from jaxtyping import UInt8
from PIL import Image

from smmbench.metrics.resources import even_frames
from smmbench.scoring.models.loading import load_from
from smmbench.scoring.models.named_folder import libraries, named_folder
from smmbench.scoring.models.text_model import full_precision, one_thread


class VideoTextModel:
    """Compares videos with texts, one video and one text at a time.

    Args:
        variable: Environment variable that names the folder.
        device: Device of the model.

    Raises:
        WeightsMissingError: There is no such model.
    """

    def __init__(self, variable: str, device: str) -> None:
        folder = named_folder(variable, "X-CLIP, such as microsoft/xclip-base-patch32")
        self.device = device
        model, self._images, self._tokenizer = load_from(
            folder,
            transformers.XCLIPModel,
            transformers.AutoImageProcessor,
            transformers.AutoTokenizer,
        )
        self._model = model.to(device)
        self._frames = int(model.config.vision_config.num_frames)
        self._tokens = int(model.config.text_config.max_position_embeddings)
        self._origin = folder.origin | libraries() | {"version": 1, "frames": self._frames}

    def origin(self) -> dict[str, Any]:
        """Hashes of weights and configuration, and the number of frames."""
        return self._origin

    def cuts(self, prompt: str) -> bool:
        """Whether the prompt is longer than the model reads."""
        return len(self._tokenizer(prompt)["input_ids"]) > self._tokens

    def similarity(self, frames: UInt8[np.ndarray, "time height width 3"], prompt: str) -> float:
        """Cosine between video and prompt, -1 to 1; the text embedding depends on the video too."""
        shown = frames[even_frames(len(frames), self._frames)]
        images = [Image.fromarray(frame) for frame in shown]
        pixels = self._images(images, return_tensors="pt")["pixel_values"]
        words = self._tokenizer(
            [prompt], truncation=True, max_length=self._tokens, return_tensors="pt"
        )
        with torch.inference_mode(), full_precision(), one_thread(self.device):
            out = self._model(
                input_ids=words["input_ids"].to(self.device),
                attention_mask=words["attention_mask"].to(self.device),
                pixel_values=pixels.reshape(1, len(shown), *pixels.shape[-3:]).to(self.device),
            )
            cosine = out.logits_per_video[0, 0] / self._model.logit_scale.exp()
        return float(cosine.clamp(-1, 1))
