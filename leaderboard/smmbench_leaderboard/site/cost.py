"""Cost of a row by device, and its estimated cost on the reference device of a board."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean

from smmbench.results import RunRecord


@dataclass(frozen=True)
class DeviceCost:
    """Seconds per finished pair on one device, with its share of the clips' preparation."""

    device: str
    seconds: float
    pairs: int


def costs_of(records: Iterable[RunRecord]) -> tuple[DeviceCost, ...]:
    """Return the cost of a row on each device that generated its videos, most pairs first.

    Preparing a clip counts once per device, for all pairs that share it. Imported videos have no
    cost, because it was not measured.
    """
    made: dict[str, list[RunRecord]] = defaultdict(list)
    for record in records:
        if record.status == "done" and record.imported is None:
            made[record.environment.device].append(record)
    found = []
    for device, of in made.items():
        prepared: dict[str, float] = {}
        for record in of:
            clip = record.request.clip
            prepared[clip] = max(prepared.get(clip, 0.0), record.prepare_seconds)
        total = sum(prepared.values()) + sum(record.transfer_seconds for record in of)
        found.append(DeviceCost(device, total / len(of), len(of)))
    return tuple(sorted(found, key=lambda cost: (-cost.pairs, cost.device)))


def reference_device(rows: Sequence[Sequence[DeviceCost]]) -> str:
    """Return the device on which most rows were measured; empty if there is none."""
    counts = Counter(cost.device for costs in rows for cost in costs)
    return min(counts, key=lambda device: (-counts[device], device)) if counts else ""


def factors_to(reference: str, rows: Sequence[Sequence[DeviceCost]]) -> Mapping[str, float]:
    """Return factors from seconds on each device to seconds on the reference device.

    A factor is the geometric mean over the rows that were run on both devices. A device that shares
    no row with the reference has no factor.
    """
    logs: dict[str, list[float]] = defaultdict(list)
    for costs in rows:
        seconds = {cost.device: cost.seconds for cost in costs if cost.seconds > 0}
        if reference in seconds:
            for device, own in seconds.items():
                logs[device].append(log(seconds[reference] / own))
    return {device: exp(fmean(found)) for device, found in logs.items()}


def on_reference(
    costs: Sequence[DeviceCost], reference: str, factors: Mapping[str, float]
) -> float | None:
    """Return seconds per pair of a row on the reference device; None if unknown."""
    for cost in costs:
        if cost.device == reference:
            return cost.seconds
    known = [cost for cost in costs if cost.device in factors]
    return known[0].seconds * factors[known[0].device] if known else None
