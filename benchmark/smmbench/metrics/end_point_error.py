"""End-point error: how far is the output's flow from the source's?"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from smmbench.metrics.definition import Metric
from smmbench.metrics.flow import flow_of
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources


def end_point_error(
    source: Float32[np.ndarray, "steps height width 2"],
    output: Float32[np.ndarray, "*same 2"],
) -> float:
    """Mean distance between the flow of source and output, over all pixels and steps, in pixels.

    This is the form that V2VBench reports. Raises `ValueError` if the shapes differ.
    """
    return float(distances(source, output).mean())


def distances(
    source: Float32[np.ndarray, "steps height width 2"],
    output: Float32[np.ndarray, "*same 2"],
) -> Float64[np.ndarray, "steps height width"]:
    """Distance between the flows at each pixel, in pixels; raises as `end_point_error`."""
    if source.shape != output.shape:
        raise ValueError(f"Flows of one shape are needed, got {source.shape} and {output.shape}.")
    return np.linalg.norm((source - output).astype(np.float64), axis=-1)


class EndPointError(Metric):
    """Compares the flow of the output with that of its source."""

    name = "end_point_error"
    version = 1
    title = "End-point error"
    description = "Mean distance between the flow of source and output, over all pixels and steps."
    higher_is_better = False
    minimum, maximum, worst = 0.0, 100.0, 100.0
    unit = "% of the diagonal"
    needs = ("flow",)
    source = "as V2VBench reports it"
    extra = True
    order = 80

    def __init__(self, resources: Resources) -> None:
        self._flow = resources.flow

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and flow."""
        return self._flow.origin(task)

    def measure(self, task: Task) -> Measured:
        """Mean distance in percent of the diagonal, clipped at 100; in pixels as a detail."""
        source, output = self._flow.of(task).forward, flow_of(task.output.frames).forward
        apart = distances(source, output)
        pixels = float(apart.mean())
        diagonal = float(np.hypot(*task.output.frames.shape[1:3]))
        steps = 100 * apart.mean(axis=(1, 2)) / diagonal
        return Measured(
            min(100 * pixels / diagonal, 100.0),
            {"pixels": pixels},
            per_frame={self.name: (None, *steps.tolist())},
        )
