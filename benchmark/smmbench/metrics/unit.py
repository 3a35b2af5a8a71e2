"""Directions of embeddings: what every cosine is made of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def unit(embeddings: Float[np.ndarray, "*many features"]) -> Float[np.ndarray, "*many features"]:
    """The same embeddings with length 1, in float64.

    Raises:
        ValueError: An embedding has no direction (zero or not finite).
    """
    length = np.linalg.norm(embeddings.astype(np.float64), axis=-1, keepdims=True)
    if not (np.isfinite(length).all() and (length > 0).all()):
        raise ValueError("An embedding is zero or not finite: it has no direction.")
    return embeddings / length
