"""Rank intervals on each axis, and the front of both axes, from comparisons pair by pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from smmbench.cluster.spreading import Spread, here
from smmbench.marks import MARKED_SHARE
from smmbench.rank_intervals import RankIntervals, rank_intervals
from smmbench_leaderboard.board.columns import RANKING, higher_is_better
from smmbench_leaderboard.board.types import Bootstrap, Column, Row


def competes(row: Row) -> bool:
    """Return whether a row can have ranks: a complete row of a method with videos of several clips.

    A row without any video has the worst value everywhere, which says nothing about the method. On
    a single clip there is no interval and therefore no rank. A row with too many marked pairs does
    not compete either.
    """
    clips = {pair.clip for pair in row.pairs}
    whole = not row.control and not row.partial and row.coverage.done > 0 and len(clips) > 1
    return whole and row.marked_share <= MARKED_SHARE


def column_values(row: Row, column: str) -> Float[np.ndarray, " pairs"]:
    """Return the values of a scored column, in the order of the pairs."""
    return np.array([pair.values[column] for pair in row.pairs], dtype=float)


def compared(rows: Sequence[Row], column: Column, bootstrap: Bootstrap) -> RankIntervals:
    """Compare rows pair by pair in a column in which all have a number for every pair.

    Args:
        rows: At least one row; all cover the same pairs.
        column: The column; if lower is better, the order is reversed.
        bootstrap: Seed and level of the comparison.
    """
    return rank_intervals(*_comparison(rows, column, bootstrap))


def _comparison(
    rows: Sequence[Row], column: Column, bootstrap: Bootstrap
) -> tuple[dict[str, Float[np.ndarray, " pairs"]], list[str], int, float]:
    """Arguments of `rank_intervals`."""
    sign = 1 if higher_is_better(column) else -1
    values = {row.label: sign * column_values(row, column.name) for row in rows}
    clips = [pair.clip for pair in rows[0].pairs]
    return values, clips, bootstrap.seed, bootstrap.level


def ranked(
    rows: Sequence[Row],
    columns: Sequence[Column],
    bootstrap: Bootstrap,
    spread: Spread = here,
) -> list[Row]:
    """Give competing rows their ranks on each axis, and flag the front of both.

    Only rows of one block are ranked together. Without both axes there is no front.
    """
    done: dict[str, Row] = {row.label: row for row in rows}
    for block in dict.fromkeys(row.block for row in rows):
        competing = [row for row in rows if row.block == block and competes(row)]
        if competing:
            ranked_rows = _ranked_block(competing, columns, bootstrap, spread)
            done |= {row.label: row for row in ranked_rows}
    return [done[row.label] for row in rows]


def _ranked_block(
    rows: Sequence[Row], columns: Sequence[Column], bootstrap: Bootstrap, spread: Spread
) -> list[Row]:
    axes = [column for column in columns if column.name in RANKING and column.scored]
    asked = [_comparison(rows, column, bootstrap) for column in axes]
    intervals = spread(rank_intervals, asked)
    found = {column.name: one for column, one in zip(axes, intervals, strict=True)}
    front = undominated(found.values()) if len(axes) == len(RANKING) else frozenset[str]()
    return [_with_ranks(row, found, front) for row in rows]


def undominated(axes: Iterable[RankIntervals]) -> frozenset[str]:
    """Return the front: methods that no other significantly beats without losing on another axis.

    Losing on an axis must be significant too: a mean that is lower by chance does not keep a method
    on the front, and a mean that is higher by chance does not take another method off it.

    Args:
        axes: The comparisons of each axis, of the same methods in the same order.
    """
    axes = list(axes)
    better: Bool[np.ndarray, "winner loser"] = np.any([axis.better for axis in axes], axis=0)
    beats = better & ~better.T
    return frozenset(name for place, name in enumerate(axes[0].names) if not beats[:, place].any())


def _with_ranks(row: Row, found: Mapping[str, RankIntervals], front: frozenset[str]) -> Row:
    cells = dict(row.cells)
    for name, axis in found.items():
        cells[name] = cells[name].model_copy(update={"rank": axis.interval(row.label)})
    return row.model_copy(update={"cells": cells, "pareto": row.label in front})
