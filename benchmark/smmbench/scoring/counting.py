"""What a pair counts in a mean, whatever became of it: one rule for the board and `score`.

A pair that the dataset's protocol asks for and that was attempted counts in the mean of its method.
Without a number (the run failed, the video was refused or could not be scored) it counts as the
worst value of the metric. Results of other seeds or edits do not count at all: the best of many
seeds is not the method. Pairs that were not attempted are the board's to judge, which sees the
other methods.

A marked pair (`smmbench.marks`) of a competitor counts as the worst on motion. Controls keep their
number, so that a table shows what an attack would have scored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from smmbench.dataset import Dataset, pairs
from smmbench.metrics.registry import metric

Key = tuple[str, str, int]  # clip, edit, seed

MOTION = "motion_fidelity"
"""The metric that marks speak of."""


def protocol_pairs(dataset: Dataset) -> list[Key]:
    """Every pair that a whole run has: clips x edits x the protocol's seeds, in their order."""
    seeds = dataset.manifest.protocol.seeds
    return [(clip.name, edit.name, seed) for clip, edit in pairs(dataset) for seed in seeds]


def discredited(name: str, marks: Collection[object], control: bool) -> bool:
    """Whether a pair's number of a metric counts as the worst although it is there.

    Args:
        name: The metric.
        marks: The rules that mark the video; none for an honest one.
        control: Whether it is a control's.
    """
    return name == MOTION and bool(marks) and not control


def counted(value: float | None, worst: float, discredited: bool = False) -> float:
    """What a pair counts: its number, or the worst value if it has none or its marks forbid it."""
    return worst if value is None or discredited else value


def counted_mean(
    name: str, values: Sequence[float | None], discredited: Sequence[bool] = ()
) -> float | None:
    """Mean of what pairs count in a metric; None if none of them has a number.

    Args:
        name: The metric.
        values: A number a pair, None for one that has none.
        discredited: For each pair whether its number counts as the worst; none for no pair.
    """
    if all(value is None for value in values):
        return None
    worst, taken = metric(name).worst, discredited or [False] * len(values)
    counts = [counted(*one) for one in zip(values, [worst] * len(values), taken, strict=True)]
    return sum(counts) / len(counts)
