"""Restate a published row over the pairs of another board, from its published numbers."""

from __future__ import annotations

from collections.abc import Sequence

from smmbench.scoring.counting import Key
from smmbench_leaderboard.board.columns import is_floor
from smmbench_leaderboard.board.published import Published, comparable, key_of
from smmbench_leaderboard.board.rows import CellsOf, cells_of, coverage_of
from smmbench_leaderboard.board.types import Bootstrap, Column, Pair, Row


def restated(
    published: Published,
    keys: Sequence[Key],
    columns: Sequence[Column],
    bootstrap: Bootstrap,
    cells: CellsOf = cells_of,
) -> Row:
    """Return a row over the given pairs, without rank and mark, which need the other rows.

    A pair that the entry lacks counts as worst, like a missing local pair. A column that the entry
    does not have under the same conditions stays empty.

    Args:
        published: The published row.
        keys: Pairs of the board, each of which counts.
        columns: Columns of the board.
        bootstrap: Settings of the intervals.
        cells: Computes the cells.
    """
    theirs = {column.name: column for column in published.board.columns}
    has = {name for pair in published.row.pairs for name in pair.values}
    shown = [
        one
        for one in columns
        if one.scored and one.name in has and comparable(theirs.get(one.name), one)
    ]
    found = {key_of(pair): pair for pair in published.row.pairs if pair.status != "missing"}
    pairs = tuple(_pair(key, found.get(key), shown) for key in keys)
    return published.row.model_copy(
        update={
            "pairs": pairs,
            "cells": cells(columns, pairs, bootstrap),
            "coverage": coverage_of(pairs, len(found)),
            "pareto": False,
            "partial": False,
        }
    )


def _pair(key: Key, pair: Pair | None, columns: Sequence[Column]) -> Pair:
    if pair is None:
        clip, edit, seed = key
        worst = {column.name: column.worst for column in columns if not is_floor(column)}
        return Pair(clip=clip, edit=edit, seed=seed, status="missing", values=worst)
    values = {
        column.name: pair.values.get(column.name, column.worst)
        for column in columns
        if column.name in pair.values or not is_floor(column)
    }
    return pair.model_copy(update={"values": values})
