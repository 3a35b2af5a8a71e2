"""Temporal consistency over all pairs: how alike are any two frames?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.unit import unit


def temporal_consistency_pairs(frame_embeddings: Float[np.ndarray, "time features"]) -> float:
    """Mean cosine between the embeddings of all pairs of two different frames, -1 to 1.

    A frozen video has 1. The form of the LOVEU-TGVE challenge (Wu et al., 2023).

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
