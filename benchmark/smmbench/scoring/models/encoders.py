"""What a text model consists of, whichever library it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image


class WeightsUnavailableError(OSError):
    """The model is known, but its weights are unavailable; the message says how to get them."""


@dataclass(frozen=True)
class Encoders:
    """Two networks that embed images and texts into one space, and what prepares their input.

    Attributes:
        encode_image: From a batch of pixels, on the device, to embeddings that are not normalised.
        encode_text: The same from a batch of tokens.
        preprocess: From a PIL image to the first network's input.
        tokenize: From a prompt and a number of tokens to exactly that many, with a batch axis; a
            longer prompt is cut and a shorter one padded.
        context_length: Tokens that the second network reads, with begin and end marks.
        preprocessing: How an image is resized, cropped and normalised, as JSON.
        weights: SHA-256 of the weights as tensors, and of each file of configuration.
        library: Name and version of the library that computes.
    """

    encode_image: Callable[[torch.Tensor], torch.Tensor]
    encode_text: Callable[[torch.Tensor], torch.Tensor]
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokenize: Callable[[str, int], torch.Tensor]
    context_length: int
    preprocessing: Any
    weights: dict[str, str]
    library: dict[str, str]
