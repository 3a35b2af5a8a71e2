"""Warp error: does the output flicker along the motion of the source?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from smmbench.metrics.definition import Metric
from smmbench.metrics.flow import Flow, pull, seen_before
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources

SCALE = 1000.0  # thousandths, as it is reported


def warp_error(output: UInt8[np.ndarray, "time height width 3"], source_flow: Flow) -> float:
    """Mean squared difference between each frame and the one before, warped by the source's flow.

    The error is averaged over the pixels that are visible in both frames by the source's flow, with
    colours from 0 to 1, first over pixels in each step and then over steps. Defined by Lai et al.
    (ECCV 2018); the flow of the source is used as in VideoGrain and FLATTEN.

    Returns:
        The error in thousandths, 0 to 1000; a video of one colour has 0.

    Raises:
        ValueError: The flow is of another number of frames or another size, or no pixel is seen
            in two frames.
    """
    return _mean(step_errors(output, source_flow))


def step_errors(
    output: UInt8[np.ndarray, "time height width 3"], source_flow: Flow
) -> list[float | None]:
    """Mean squared difference of each step, 0 to 1; None where no pixel is seen in both frames.

    Raises:
        ValueError: The flow is of another number of frames or another size.
    """
    steps, height, width = source_flow.backward.shape[:3]
    if output.shape[:3] != (steps + 1, height, width):
        raise ValueError(
            f"The source's flow is of {steps + 1} frames of {width}x{height} pixels, the output "
            f"has {len(output)} of {output.shape[2]}x{output.shape[1]}."
        )
    errors: list[float | None] = []
    for t, seen in enumerate(seen_before(source_flow)):
        if not seen.any():
            errors.append(None)
            continue
        warped, _ = pull(_colours(output[t]), source_flow.backward[t])
        difference = (warped - _colours(output[t + 1]))[seen].astype(np.float64)
        errors.append(float(np.square(difference).mean()))
    return errors


def _mean(errors: list[float | None]) -> float:
    seen = [error for error in errors if error is not None]
    if not seen:
        raise ValueError("No pixel of the source is seen in two frames that follow each other.")
    return float(SCALE * np.mean(seen))


def _colours(frame: UInt8[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "height width 3"]:
    return frame.astype(np.float32) / 255


class WarpError(Metric):
    """Warps the output by the flow of its source."""

    name = "warp_error"
    version = 1
    title = "Warp error"
    description = (
        "Mean squared difference between each frame and the one before warped by the source's "
        "flow, colours from 0 to 1."
    )
    higher_is_better = False
    minimum, maximum, worst = 0.0, SCALE, SCALE
    unit = "thousandths"
    needs = ("flow",)
    source = "Lai et al., ECCV 2018, with the source's flow as in VideoGrain and FLATTEN"
    extra = True
    order = 70

    def __init__(self, resources: Resources) -> None:
        self._flow = resources.flow

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and flow."""
        return self._flow.origin(task)

    def measure(self, task: Task) -> Measured:
        """Mean squared error, in thousandths."""
        errors = step_errors(task.output.frames, self._flow.of(task))
        by_step = (None if error is None else SCALE * error for error in errors)
        return Measured(_mean(errors), per_frame={self.name: (None, *by_step)})
