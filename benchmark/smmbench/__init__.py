"""The public benchmark of text-driven video motion transfer.

This module provides what scripts and notebooks need (`load_dataset`, `run`, `score`, `board` and
`score_pair`), what authors of methods need (`Method`, `Card`, `Source`, `Video`), and what authors
of metrics need (`Metric`). Each is imported on first use, so `import smmbench` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smmbench.api.loops import board, run, score
    from smmbench.api.pair import PairScore, score_pair
    from smmbench.dataset import load_dataset
    from smmbench.method import Card, Method, Source
    from smmbench.metrics import Metric
    from smmbench.video import Video, read_video

__version__ = "0.1.0"

__all__ = [
    "Card",
    "Method",
    "Metric",
    "PairScore",
    "Source",
    "Video",
    "__version__",
    "board",
    "load_dataset",
    "read_video",
    "run",
    "score",
    "score_pair",
]

_PLACES = {
    "Card": "smmbench.method",
    "Method": "smmbench.method",
    "Metric": "smmbench.metrics",
    "PairScore": "smmbench.api.pair",
    "Source": "smmbench.method",
    "Video": "smmbench.video",
    "board": "smmbench.api.loops",
    "load_dataset": "smmbench.dataset",
    "read_video": "smmbench.video",
    "run": "smmbench.api.loops",
    "score": "smmbench.api.loops",
    "score_pair": "smmbench.api.pair",
}


def __getattr__(name: str) -> Any:
    """Import a part of the public interface on first use."""
    if name not in _PLACES:
        raise AttributeError(f"module 'smmbench' has no attribute '{name}'")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
