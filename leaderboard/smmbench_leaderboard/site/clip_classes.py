"""Classes of clips and of prompts: the parts of a dataset that a reader may look at alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smmbench.dataset import Dataset
from smmbench.scoring.counting import Key
from smmbench.statistics import mean_interval
from smmbench_leaderboard.board.columns import RANKING
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.site.pair_columns import columns_of_pairs

FEWEST = 2  # clips
RESAMPLES = 2000
"""Of the intervals of a class: they are read off a small bar, and there are many of them."""


@dataclass(frozen=True)
class ClipClass:
    """Pairs that have something in common.

    Attributes:
        name: A tag of clips, or the kind of an edit.
        of: What it is a class of, `clip` or `prompt`.
        keys: Its pairs.
        clips: Of how many clips they are.
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
    """Tags of the clips and kinds of the edits that have several clips, but not all pairs."""
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
    """Mean and interval of a row on both axes over the pairs of a class."""
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
            cells[name] = (found.mean, *(found.interval or (None, None)))
    return cells


def largest_first(classes: Sequence[ClipClass]) -> list[ClipClass]:
    """Clip classes before prompt classes, each by its number of clips."""
    order = Counter({one.key: one.clips for one in classes})
    return sorted(classes, key=lambda one: (one.of, -order[one.key], one.name))
