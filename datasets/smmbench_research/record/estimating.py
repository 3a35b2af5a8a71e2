"""Estimate the cost of a plan from the seconds that it states, or from measured ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from smmbench_research.record.identity import task_key
from smmbench_research.record.making import LOADING, SCORING
from smmbench_research.record.plan import Plan, Row, Task, searched_world
from smmbench_research.record.state import Done, State


@dataclass(frozen=True)
class Estimate:
    """The cost of a row.

    Attributes:
        row: The row.
        pairs: Number of videos, over all references.
        left: How many of them are not generated yet.
        seconds: Seconds of one GPU for all of them, search included.
        left_seconds: Seconds of one GPU for the remaining ones.
        core_seconds: Seconds of one CPU core to score the remaining ones.
        measured: Measured seconds of one GPU per pair; None if nothing was generated yet.
    """

    row: Row
    pairs: int
    left: int
    seconds: float
    left_seconds: float
    core_seconds: float
    measured: float | None


def estimates(
    rows: Sequence[Row],
    plan: Plan,
    state: State,
    keys: Mapping[str, str],
    elsewhere: Collection[str] = (),
) -> list[Estimate]:
    """Estimate the total and the remaining cost of each row.

    Args:
        rows: The rows.
        plan: Their plan.
        state: The run's folder.
        keys: Keys of the rows whose settings are known; see `keys_of`.
        elsewhere: Keys of the batches that are done on another machine.
    """
    found = []
    for row in rows:
        tasks = plan.tasks([row])
        done = {task.name: one for task in tasks if (one := _done(task, state, keys)) is not None}
        there = [
            task
            for task in tasks
            if task.name in done
            or (row.name in keys and task_key(task, keys[row.name]) in elsewhere)
        ]
        measured = _measured(tasks, done)
        left = sum(task.pairs for task in tasks) - sum(task.pairs for task in there)
        per_pair = row.seconds if measured is None else measured
        search = search_seconds(row, plan) if row.search else 0.0
        found.append(
            Estimate(
                row=row,
                pairs=sum(task.pairs for task in tasks),
                left=left,
                seconds=search + per_pair * sum(task.pairs for task in tasks),
                left_seconds=per_pair * left + (0.0 if row.name in keys else search),
                core_seconds=SCORING * left,
                measured=measured,
            )
        )
    return found


def search_seconds(row: Row, plan: Plan) -> float:
    """Seconds of one GPU that the trials of a search take."""
    return row.tried * len(plan.worlds[searched_world(row.world)].pairs) * row.seconds


def wall_seconds(
    found: Sequence[Estimate], gpus: int, per_gpu: int, scorers: int
) -> tuple[float, float]:
    """Estimate the remaining seconds of generating and of scoring on a machine; they overlap.

    Several processes share a GPU: the plan counts seconds of a GPU, and the gain of several
    processes over one is not counted. Each process loads each method once.
    """
    places = max(gpus, 1) * per_gpu
    loading = sum(LOADING for one in found if one.left) / places
    making = sum(one.left_seconds for one in found) / max(gpus, 1) + loading
    return making, sum(one.core_seconds for one in found) / max(scorers, 1)


def lines_of(
    found: Sequence[Estimate], gpus: int, per_gpu: int, scorers: int, seconds: float
) -> Iterator[str]:
    """The plan as a table, followed by its totals."""
    yield (
        f"{'row':28} {'tried':>5} {'references':18} {'pairs':>6} {'left':>6} "
        f"{'s / pair':>9} {'GPU s':>7} {'left':>7}"
    )
    for one in found:
        row = one.row
        cost = f"{one.measured:.2f}" if one.measured is not None else f"~{row.seconds:.2f}"
        tried = f"{row.tried}{'*' if row.search else ''}"
        yield (
            f"{row.name:28} {tried:>5} {'+'.join(row.references):18} {one.pairs:>6} "
            f"{one.left:>6} {cost:>9} {one.seconds:>7.0f} {one.left_seconds:>7.0f}"
        )
    making, scoring = wall_seconds(found, gpus, per_gpu, scorers)
    wall = max(making, scoring)
    yield ""
    yield (
        f"{len(found)} rows, {sum(one.pairs for one in found)} videos, "
        f"{sum(one.left for one in found)} left. *: searched as part of this run."
    )
    yield (
        f"Left: {sum(one.left_seconds for one in found):.0f} s of one GPU and "
        f"{sum(one.core_seconds for one in found):.0f} s of one core. On {gpus} GPUs with "
        f"{scorers} scorers: {making:.0f} s of generating in parallel with "
        f"{scoring:.0f} s of scoring, "
        f"{max(1, math.ceil(wall / seconds))} parts of {seconds:.0f} s."
    )


def _done(task: Task, state: State, keys: Mapping[str, str]) -> Done | None:
    done = state.done(task)
    if done is None or task.row.name not in keys:
        return None
    return done if done.key == task_key(task, keys[task.row.name]) else None


def _measured(tasks: Sequence[Task], done: Mapping[str, Done]) -> float | None:
    """Seconds of a GPU per pair, divided among the processes that shared the GPU."""
    made = [task for task in tasks if task.name in done]
    if not made:
        return None
    total = sum(done[task.name].made_seconds / done[task.name].side_by_side for task in made)
    return total / sum(task.pairs for task in made)
