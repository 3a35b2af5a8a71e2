"""A vision-language model that answers a question about an image with yes or no."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers
from jaxtyping import Float32, UInt8
from PIL import Image

from smmbench.scoring.models.hub_model import WeightsMissingError
from smmbench.scoring.models.loading import load_from
from smmbench.scoring.models.named_folder import libraries, named_folder
from smmbench.scoring.models.text_model import full_precision, one_thread
from smmbench.storage.array_cache import cached_arrays

TEMPLATE = "USER: <image>\n{question} ASSISTANT:"  # for a model without a chat template
WORDS = ("Yes", "No")


class Judge:
    """Probabilities that the answer to a question about a frame begins with "Yes" or with "No".

    Each frame is a separate question, so that an answer does not depend on other frames, and
    nothing is sampled. Answers are cached on disk by everything on which they depend.

    Args:
        variable: Environment variable that names the folder.
        device: Device of the model.

    Raises:
        WeightsMissingError: There is no such model, or its tokenizer has no token for an answer.
    """

    def __init__(self, variable: str, device: str) -> None:
        folder = named_folder(variable, "a vision-language model, such as LLaVA or Qwen2.5-VL")
        self.device = device
        model, self._processor = load_from(
            folder, transformers.AutoModelForImageTextToText, transformers.AutoProcessor
        )
        self._model = model.to(device)
        self._words = [self._first_token(word) for word in WORDS]
        self._origin = (
            folder.origin | libraries() | {"version": 1, "form": self._form("{question}")}
        )

    def origin(self) -> dict[str, Any]:
        """Hashes of weights and configuration, and the form of the question."""
        return self._origin

    def answers(
        self, frames: UInt8[np.ndarray, "frames height width 3"], question: str
    ) -> Float32[np.ndarray, "frames 2"]:
        """Probability of "Yes" and of "No" as the next token, for each frame."""
        kept = {
            "question": question,
            "frames": [_sha256(frame) for frame in frames],
            "device": self.device.partition(":")[0],
            **self._origin,
        }

        def compute() -> dict[str, np.ndarray]:
            return {"answers": np.stack([self._answer(frame, question) for frame in frames])}

        return cached_arrays("answers", kept, compute)["answers"]

    def _answer(
        self, frame: UInt8[np.ndarray, "height width 3"], question: str
    ) -> Float32[np.ndarray, " 2"]:
        text = self._form(question)
        inputs = self._processor(images=[Image.fromarray(frame)], text=text, return_tensors="pt")
        with torch.inference_mode(), full_precision(), one_thread(self.device):
            logits = self._model(**inputs.to(self.device)).logits[0, -1].float()
        return logits.softmax(-1)[self._words].cpu().numpy()

    def _form(self, question: str) -> str:
        """The question in the form that the model receives: its own chat template if it has one."""
        if not getattr(self._processor, "chat_template", None):
            return TEMPLATE.format(question=question)
        content = [{"type": "image"}, {"type": "text", "text": question}]
        asked = [{"role": "user", "content": content}]
        return str(self._processor.apply_chat_template(asked, add_generation_prompt=True))

    def _first_token(self, word: str) -> int:
        tokenizer = self._processor.tokenizer
        tokens = tokenizer(word, add_special_tokens=False)["input_ids"]
        if not tokens or tokens[0] == tokenizer.unk_token_id:
            raise WeightsMissingError(f"The model's tokenizer has no token for '{word}'.")
        return int(tokens[0])


def _sha256(frame: UInt8[np.ndarray, "height width 3"]) -> str:
    from smmbench.video import Video

    return Video(frame[None], 1.0).pixels_sha256
