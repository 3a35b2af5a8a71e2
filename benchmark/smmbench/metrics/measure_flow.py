"""Warp error and end-point error of a video, with the flow of its source."""

from __future__ import annotations

from typing import Any

import numpy as np

from smmbench.metrics.definition import Metric
from smmbench.metrics.end_point_error import end_point_error
from smmbench.metrics.flow import Flow, flow_of, flow_origin
from smmbench.metrics.warp_error import warp_error
from smmbench.scoring.measure import Measured, Task
from smmbench.scoring.resources import Resources


class SourceFlow:
    """Flow of sources; the last one is kept, for its outputs come one after the other."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._kept: tuple[str, Flow] | None = None

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and flow."""
        return {"source": task.clip.pixels_sha256, "flow": flow_origin()}

    def of(self, task: Task) -> Flow:
        """Flow of the source that an output was made from."""
        pixels = task.clip.pixels_sha256
        if self._kept is None or self._kept[0] != pixels:
            self._kept = pixels, flow_of(self._resources.source(task.clip).frames)
        return self._kept[1]


class WarpMeasure:
    """Warps the output by the flow of its source."""

    def __init__(self, flow: SourceFlow) -> None:
        self._flow = flow
        self.origin = flow.origin

    def measure(self, task: Task) -> Measured:
        """Mean squared error, in thousandths."""
        return Measured(warp_error(task.output.frames, self._flow.of(task)))


class EndPointMeasure:
    """Compares the flow of the output with that of its source."""

    def __init__(self, flow: SourceFlow) -> None:
        self._flow = flow
        self.origin = flow.origin

    def measure(self, task: Task) -> Measured:
        """Mean distance in percent of the frame's diagonal, cut at 100; in pixels as a detail."""
        output = flow_of(task.output.frames).forward
        pixels = end_point_error(self._flow.of(task).forward, output)
        diagonal = float(np.hypot(*task.output.frames.shape[1:3]))
        return Measured(min(100 * pixels / diagonal, 100.0), {"pixels": pixels})


def load_warp(wanted: Metric, resources: Resources) -> WarpMeasure:
    """Flow by OpenCV, which needs no weights."""
    return WarpMeasure(_source_flow(resources))


def load_end_point(wanted: Metric, resources: Resources) -> EndPointMeasure:
    """The same."""
    return EndPointMeasure(_source_flow(resources))


def _source_flow(resources: Resources) -> SourceFlow:
    found: SourceFlow = resources.once("source flow", lambda: SourceFlow(resources))
    return found
