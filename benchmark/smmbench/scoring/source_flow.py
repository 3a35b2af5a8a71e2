"""Dense flow of sources, for the metrics that compare outputs with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smmbench.dataset import Clip
from smmbench.metrics import Task
from smmbench.metrics.flow import Flow, flow_of, flow_origin
from smmbench.video import Video


class SourceFlow:
    """Flow of sources; the last one is cached, because outputs of the same source are adjacent.

    Args:
        source: Returns a clip's source in its normal form.
    """

    def __init__(self, source: Callable[[Clip], Video]) -> None:
        self._source = source
        self._last: tuple[str, Flow] | None = None

    def origin(self, task: Task) -> dict[str, Any]:
        """Source and flow."""
        return {"source": task.clip.pixels_sha256, "flow": flow_origin()}

    def of(self, task: Task) -> Flow:
        """Flow of the source from which an output was generated."""
        pixels = task.clip.pixels_sha256
        if self._last is None or self._last[0] != pixels:
            self._last = pixels, flow_of(self._source(task.clip).frames)
        return self._last[1]
