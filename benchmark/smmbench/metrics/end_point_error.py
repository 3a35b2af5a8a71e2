"""End-point error: how far is the output's flow from the source's?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32


def end_point_error(
    source: Float32[np.ndarray, "steps height width 2"],
    output: Float32[np.ndarray, "*same 2"],
) -> float:
    """Mean distance between the flow of source and output, over all pixels and steps, in pixels.

    As V2VBench reports it. Raises `ValueError` where the shapes differ.
    """
    if source.shape != output.shape:
        raise ValueError(f"Flows of one shape are needed, got {source.shape} and {output.shape}.")
    return float(np.linalg.norm((source - output).astype(np.float64), axis=-1).mean())
