"""Options of scoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from smmbench.metrics import metric_names


@dataclass(frozen=True)
class Options:
    """Options of scoring.

    Attributes:
        metrics: Names of the metrics to compute.
        tracker: Replaces the protocol's tracker; scores then belong to another protocol.
        text_model: Replaces the protocol's text model; scores then belong to another protocol.
        source_tracks: Origin of the source's tracks: the tracker that also tracks the
            output, so that both share its errors, or the dataset's ground truth.
        device: Device of the models: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    metrics: tuple[str, ...] = field(default_factory=metric_names)
    tracker: str | None = None
    text_model: str | None = None
    source_tracks: Literal["tracker", "known"] = "tracker"
    device: str = "cpu"
