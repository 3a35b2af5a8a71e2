"""Contradictions between printed values: the spread of one method, and reversed orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from smmbench_leaderboard.literature.printed import Axis, Printed, PrintedTable, printed_of


@dataclass(frozen=True)
class Spread:
    """The lowest and the highest value printed for one method on one axis."""

    lowest: Printed
    highest: Printed
    low: float
    high: float
    papers: int


@dataclass(frozen=True)
class Reversal:
    """Two methods, a table in which the first is ahead, and one in which the second is.

    Attributes:
        first: Key of the first method.
        second: Key of the second method.
        ahead: Tables with the first above the second.
        behind: Tables with the second above the first.
    """

    first: str
    second: str
    ahead: tuple[PrintedTable, ...]
    behind: tuple[PrintedTable, ...]


def spread_of(work: str, axis: Axis) -> Spread | None:
    """Return the spread of a method's values; None unless at least two papers print one.

    On motion, only tables whose score is motion fidelity by its usual definition count.
    """
    found = [
        (number, one)
        for one in printed_of(work)
        if _counts(one.table, axis) and (number := one.table.on(axis, one.value)) is not None
    ]
    papers = {one.table.work for _, one in found}
    if len(papers) < 2:
        return None
    low, lowest = min(found, key=lambda pair: pair[0])
    high, highest = max(found, key=lambda pair: pair[0])
    return Spread(lowest, highest, low, high, len(papers))


def reversals(tables: Sequence[PrintedTable], axis: Axis) -> list[Reversal]:
    """Return pairs of methods whose order on an axis differs between papers.

    A method with several values in a table is ahead of another only if all of them are.
    """
    orders: dict[tuple[str, str], tuple[list[PrintedTable], list[PrintedTable]]] = {}
    for table in tables:
        if not _counts(table, axis):
            continue
        values: dict[str, list[float]] = {}
        for value in table.values:
            if (number := table.on(axis, value)) is not None:
                values.setdefault(value.method, []).append(number)
        for first, second in combinations(sorted(values), 2):
            ahead, behind = orders.setdefault((first, second), ([], []))
            if min(values[first]) > max(values[second]):
                ahead.append(table)
            elif min(values[second]) > max(values[first]):
                behind.append(table)
    return [
        Reversal(first, second, tuple(ahead), tuple(behind))
        for (first, second), (ahead, behind) in orders.items()
        if {table.work for table in ahead} - {table.work for table in behind}
        and {table.work for table in behind} - {table.work for table in ahead}
    ]


def _counts(table: PrintedTable, axis: Axis) -> bool:
    return axis == "text" or table.same_quantity
