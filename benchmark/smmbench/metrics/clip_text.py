"""CLIP text similarity: does each frame show what the prompt says?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from smmbench.metrics.unit import unit


def clip_text_similarity(
    frame_embeddings: Float[np.ndarray, "time features"],
    text_embedding: Float[np.ndarray, " features"],
) -> float:
    """Mean over frames of the cosine between a frame's embedding and the text's, -1 to 1.

    Lengths do not matter. Nothing is clamped, scaled or weighted.

    Raises:
        ValueError: There is no frame, or an embedding has no direction (zero or not finite).
    """
    if len(frame_embeddings) == 0:
        raise ValueError("Text similarity needs at least one frame.")
    return float((unit(frame_embeddings) @ unit(text_embedding)).mean())
