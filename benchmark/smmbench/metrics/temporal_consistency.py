"""Temporal consistency: how alike are consecutive frames?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.unit import unit


def temporal_consistency(frame_embeddings: Float[np.ndarray, "time features"]) -> float:
    """Mean cosine between the embeddings of each frame and the next, -1 to 1.

    A frozen video has 1. The consecutive form of Tune-A-Video's followers (VideoGrain, EditVerse).

    Raises:
        ValueError: Fewer than two frames, or an embedding has no direction (zero or not finite).
    """
    if len(frame_embeddings) < 2:
        raise ValueError(f"Temporal consistency needs two frames, got {len(frame_embeddings)}.")
    frames = unit(frame_embeddings)
    return float((frames[1:] * frames[:-1]).sum(axis=-1).mean())
