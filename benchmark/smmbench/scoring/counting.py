"""What a pair counts in a mean, whatever became of it: one rule for the board and `score`.

A pair that the dataset's protocol asks for and that was attempted counts in the mean of its method.
Without a number (the run failed, the video was refused or could not be scored) it counts as the
worst value of the metric. Results of other seeds or edits do not count at all: the best of many
seeds is not the method. Pairs that were not attempted are the board's to judge, which sees the
other methods.
"""

from __future__ import annotations

from collections.abc import Iterable

from smmbench.dataset import Dataset, pairs
from smmbench.metrics.registry import metric

Key = tuple[str, str, int]  # clip, edit, seed


def protocol_pairs(dataset: Dataset) -> list[Key]:
    """Every pair that a whole run has: clips x edits x the protocol's seeds, in their order."""
    seeds = dataset.manifest.protocol.seeds
    return [(clip.name, edit.name, seed) for clip, edit in pairs(dataset) for seed in seeds]


def counted(value: float | None, worst: float) -> float:
    """What a pair counts: its number, or the worst value if it has none."""
    return worst if value is None else value


def counted_mean(name: str, values: Iterable[float | None]) -> float | None:
    """Mean of a metric over pairs, those without a number as worst; None if none has a number."""
    values = list(values)
    if all(value is None for value in values):
        return None
    return sum(counted(value, metric(name).worst) for value in values) / len(values)
