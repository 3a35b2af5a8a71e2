"""Warp error: does the output flicker along the motion of the source?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from smmbench.metrics.flow import Flow, pull, seen_before

SCALE = 1000.0  # thousandths, as it is reported


def warp_error(output: UInt8[np.ndarray, "time height width 3"], source_flow: Flow) -> float:
    """Mean squared difference between each frame and the one before, warped by the source's flow.

    Over the pixels that the source's flow sees in both frames, with colours from 0 to 1; a mean
    over pixels in each step, then over steps. Lai et al. (ECCV 2018) with the flow of the source,
    as VideoGrain and FLATTEN report it.

    Returns:
        In thousandths, 0 to 1000; a frame of one colour has 0.

    Raises:
        ValueError: The flow is of another number of frames or another size, or no pixel is seen
            in two frames.
    """
    steps, height, width = source_flow.backward.shape[:3]
    if output.shape[:3] != (steps + 1, height, width):
        raise ValueError(
            f"The source's flow is of {steps + 1} frames of {width}x{height} pixels, the output "
            f"has {len(output)} of {output.shape[2]}x{output.shape[1]}."
        )
    errors = []
    for t, seen in enumerate(seen_before(source_flow)):
        if seen.any():
            warped, _ = pull(_colours(output[t]), source_flow.backward[t])
            difference = (warped - _colours(output[t + 1]))[seen].astype(np.float64)
            errors.append(np.square(difference).mean())
    if not errors:
        raise ValueError("No pixel of the source is seen in two frames that follow each other.")
    return float(SCALE * np.mean(errors))


def _colours(frame: UInt8[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "height width 3"]:
    return frame.astype(np.float32) / 255
