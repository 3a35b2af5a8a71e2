"""Classes of clips and prompts, by which a reader can filter a board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smmbench.dataset import Dataset
from smmbench.scoring.counting import Key
from smmbench.statistics import mean_interval
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.rows import within_range
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.site.pair_columns import columns_of_pairs

FEWEST = 2  # clips
RESAMPLES = 2000
"""Number of resamples for intervals of classes, which are many and shown on small bars."""


@dataclass(frozen=True)
class ClipClass:
    """Pairs that share a tag of the clip or the kind of the edit.

    Attributes:
        name: The tag of the clips, or the kind of the edits.
        of: `clip` or `prompt`.
        keys: Pairs of the class.
        clips: Number of clips in the class.
    """

    name: str
    of: str
    keys: frozenset[Key]
    clips: int

    @property
    def key(self) -> str:
        """Name of the class in addresses and data."""
        return f"{self.of}:{self.name}"


def classes_of(dataset: Dataset, keys: Sequence[Key]) -> list[ClipClass]:
    """Return classes by tag of clip and kind of edit that have several clips but not all pairs."""
    tags = {clip.name: clip.tags for clip in dataset.manifest.clips}
    kinds = {
        (clip.name, edit.name): edit.kind for clip in dataset.manifest.clips for edit in clip.edits
    }
    found: dict[tuple[str, str], list[Key]] = {}
    for key in keys:
        for tag in tags.get(key[0], ()):
            found.setdefault(("clip", tag), []).append(key)
        if kind := kinds.get(key[:2]):
            found.setdefault(("prompt", kind), []).append(key)
    classes = [
        ClipClass(name, of, frozenset(some), len({key[0] for key in some}))
        for (of, name), some in found.items()
        if len(some) < len(keys)
    ]
    return [one for one in classes if one.clips >= FEWEST]


def class_cells(
    board: Board, row: Row, one: ClipClass
) -> dict[str, tuple[float, float | None, float | None]]:
    """Return mean and interval of a row on both axes over the pairs of a class."""
    pairs = columns_of_pairs(row)
    inside = np.array([key in one.keys for key in pairs.keys])
    if not inside.any():
        return {}
    clips = [key[0] for key, is_in in zip(pairs.keys, inside, strict=True) if is_in]
    cells: dict[str, tuple[float, float | None, float | None]] = {}
    for name in RANKING:
        values = pairs.column(name)[inside]
        if np.isfinite(values).all():
            found = mean_interval(
                values, clips, board.bootstrap.seed, RESAMPLES, board.bootstrap.level
            )
            cells[name] = (found.mean, *(within_range(name, found.interval) or (None, None)))
    return cells


def largest_first(classes: Sequence[ClipClass]) -> list[ClipClass]:
    """Sort clip classes before prompt classes, each by its number of clips."""
    order = Counter({one.key: one.clips for one in classes})
    return sorted(classes, key=lambda one: (one.of, -order[one.key], one.name))
