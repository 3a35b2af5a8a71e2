"""The value of a pair in a mean, whatever its outcome: one rule for the board and `score`.

Every attempted pair that the dataset's protocol requires counts in the mean of its method. Without
a number (the run failed, the video was rejected or could not be scored) it counts as the worst
value of the metric. Results of other seeds or edits are excluded, because the best of many seeds
does not represent the method. The board decides about pairs that were not attempted, because it
sees the other methods.

A marked pair (`smmbench.marks`) of a competitor counts as the worst on motion. Controls keep their
number, so that a table shows what an attack would have scored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from smmbench.dataset import Dataset, pairs
from smmbench.metrics.registry import metric

Key = tuple[str, str, int]  # clip, edit, seed

MOTION = "motion_fidelity"
"""The metric to which marks refer."""


def protocol_pairs(dataset: Dataset) -> list[Key]:
    """All pairs of a complete run: clips x edits x the protocol's seeds, in this order."""
    seeds = dataset.manifest.protocol.seeds
    return [(clip.name, edit.name, seed) for clip, edit in pairs(dataset) for seed in seeds]


def discredited(name: str, marks: Collection[object], control: bool) -> bool:
    """Whether a pair counts as the worst in a metric although it has a number.

    Args:
        name: The metric.
        marks: The rules that mark the video; none for an honest one.
        control: Whether it is a control's.
    """
    return name == MOTION and bool(marks) and not control


def counted(value: float | None, worst: float, discredited: bool = False) -> float:
    """The value of a pair: its number, or the worst value if it has none or is marked."""
    return worst if value is None or discredited else value


def counted_mean(
    name: str, values: Sequence[float | None], discredited: Sequence[bool] = ()
) -> float | None:
    """Mean of the pairs' values in a metric; None if none of them has a number.

    Args:
        name: The metric.
        values: One number per pair; None for a pair without a number.
        discredited: For each pair whether its number counts as the worst; none for no pair.
    """
    if all(value is None for value in values):
        return None
    worst, taken = metric(name).worst, discredited or [False] * len(values)
    counts = [counted(*one) for one in zip(values, [worst] * len(values), taken, strict=True)]
    return sum(counts) / len(counts)
