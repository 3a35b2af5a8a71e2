"""Frame accuracy: how many frames show the target rather than the source?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.unit import unit


def frame_accuracy(
    frame_embeddings: Float[np.ndarray, "time features"],
    target_embedding: Float[np.ndarray, " features"],
    source_embedding: Float[np.ndarray, " features"],
) -> float:
    """Share of frames whose cosine with the target prompt is above that with the source prompt.

    From 0 to 1; a frame as near to both does not count. As in FateZero (Qi et al., ICCV 2023).

    Raises:
        ValueError: There is no frame, or an embedding has no direction (zero or not finite).
    """
    if len(frame_embeddings) == 0:
        raise ValueError("Frame accuracy needs at least one frame.")
    frames = unit(frame_embeddings)
    return float((frames @ unit(target_embedding) > frames @ unit(source_embedding)).mean())
