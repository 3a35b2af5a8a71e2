"""DINO consistency: does the subject stay the same?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.unit import unit


def dino_consistency(frame_embeddings: Float[np.ndarray, "time features"]) -> float:
    """Mean cosine of each later frame with the first frame and with the one before, -1 to 1.

    Both count the same, as in DeT and in VBench's subject consistency; nothing is clamped. A
    frozen video has 1.

    Raises:
        ValueError: Fewer than two frames, or an embedding has no direction (zero or not finite).
    """
    if len(frame_embeddings) < 2:
        raise ValueError(f"DINO consistency needs two frames, got {len(frame_embeddings)}.")
    frames = unit(frame_embeddings)
    first = frames[1:] @ frames[0]
    before = (frames[1:] * frames[:-1]).sum(axis=-1)
    return float(((first + before) / 2).mean())
