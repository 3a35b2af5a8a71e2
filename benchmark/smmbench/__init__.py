"""The public benchmark of text-driven video motion transfer.

What a script or a notebook needs is here: `load_dataset`, `run`, `score`, `board` and `score_pair`;
what a method's author needs, `Method`, `Card`, `Source`, `Video`; and what a metric's author needs,
`Metric`. Each is imported when it is first asked for, so `import smmbench` costs nothing.
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
    """Import a part of the public interface when it is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'smmbench' has no attribute '{name}'")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
