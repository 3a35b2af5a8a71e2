"""What a row cost, by device, and what it would have cost on another that rows share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean

from smmbench.results import RunRecord


@dataclass(frozen=True)
class DeviceCost:
    """Seconds a finished pair on one device, with its share of the clips' preparation."""

    device: str
    seconds: float
    pairs: int


def costs_of(records: Iterable[RunRecord]) -> tuple[DeviceCost, ...]:
    """Cost of a row on each device that made its videos, that of most pairs first.

    A clip is prepared once on a device, whatever number of pairs share it. Imported videos, whose
    cost nobody measured, have none.
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
    """The device that most rows were measured on; empty if none was."""
    counts = Counter(cost.device for costs in rows for cost in costs)
    return min(counts, key=lambda device: (-counts[device], device)) if counts else ""


def factors_to(reference: str, rows: Sequence[Sequence[DeviceCost]]) -> Mapping[str, float]:
    """How many seconds on the reference a second on each device is, where rows were run on both.

    Several such rows give the geometric mean of their factors. A device that shares no row with
    the reference has none: nothing is assumed of it.
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
    """Seconds a pair of a row on the reference device; None where nothing says so."""
    for cost in costs:
        if cost.device == reference:
            return cost.seconds
    known = [cost for cost in costs if cost.device in factors]
    return known[0].seconds * factors[known[0].device] if known else None
