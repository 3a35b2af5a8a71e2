"""How to score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from smmbench.metrics import metric_names


@dataclass(frozen=True)
class Options:
    """How to score.

    Attributes:
        metrics: Names of the metrics to compute.
        tracker: Instead of the protocol's; scores then belong to another protocol.
        text_model: Instead of the protocol's; the same holds.
        source_tracks: Where the source's tracks are from: the tracker that also follows the
            output, so that both share its errors, or the truth that the dataset knows.
        device: Where models compute: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    metrics: tuple[str, ...] = field(default_factory=metric_names)
    tracker: str | None = None
    text_model: str | None = None
    source_tracks: Literal["tracker", "known"] = "tracker"
    device: str = "cpu"
