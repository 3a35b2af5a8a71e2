"""From results to a board: means over every pair that was asked for, never over survivors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from smmbench import __version__
from smmbench.dataset import Dataset
from smmbench.statistics import rank_groups
from smmbench_leaderboard.board.columns import MOTION, RANKING, TEXT, columns_of
from smmbench_leaderboard.board.notes import notes_of
from smmbench_leaderboard.board.pareto import pareto_front
from smmbench_leaderboard.board.reading import Key, Results, expected_pairs, read_results
from smmbench_leaderboard.board.rows import card_of, row_of
from smmbench_leaderboard.board.types import Board, Bootstrap, Column, Row, Scope


def make_board(
    root: Path,
    dataset: str | None = None,
    scope: Scope | None = None,
    bootstrap: Bootstrap | None = None,
    metrics: Sequence[str] = (),
) -> Board:
    """Make the board of one dataset.

    Args:
        root: The results folder.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        scope: `full`: every pair of the dataset, missing ones count as worst. `shared`: the pairs
            that all methods attempted. None: `full` if a competitor attempted the whole set (a
            control, if there are only controls), else `shared`.
        bootstrap: How intervals are drawn.
        metrics: Names of metrics to show besides the two axes; they do not rank.

    Raises:
        LookupError: No such metric.
        ValueError: Nothing there, nothing scored, nothing shared, or results that do not mix.
    """
    results = read_results(root, dataset)
    return board_of(results, scope, bootstrap or Bootstrap(), metrics)


def board_of(
    results: Results, scope: Scope | None, bootstrap: Bootstrap, metrics: Sequence[str] = ()
) -> Board:
    """Make a board of results that were read; as `make_board`."""
    manifest = results.dataset.manifest
    whole = expected_pairs(results.dataset)
    scope = scope or _scope(results, whole)
    keys = whole if scope == "full" else _shared(results, whole)
    inside = [by[key] for by in results.found.values() for key in keys if key in by]
    columns = columns_of(inside, metrics)
    if not any(column.scored for column in columns):
        raise ValueError("Nothing is scored yet. Run `smmbench score` on this folder first.")
    rows = [row_of(label, results, keys, columns, bootstrap) for label in sorted(results.found)]
    rows = _marked(_ranked(rows, columns, bootstrap), columns)
    return Board(
        smmbench=__version__,
        dataset=manifest.name,
        dataset_version=manifest.version,
        manifest_sha256=manifest_sha256(results.dataset),
        protocol=manifest.protocol,
        scope=scope,
        clips=len({clip for clip, _, _ in keys}),
        pairs=len(keys),
        dataset_pairs=len(whole),
        bootstrap=bootstrap,
        columns=columns,
        rows=tuple(sorted(rows, key=_place)),
        notes=notes_of(results, rows, columns, keys, scope),
    )


def manifest_sha256(dataset: Dataset) -> str:
    """SHA-256 of what a manifest says; its comments and its order of keys do not enter."""
    return hashlib.sha256(dataset.manifest.model_dump_json().encode()).hexdigest()


def column_values(row: Row, name: str) -> Float[np.ndarray, " pairs"]:
    """Values of one column that is scored, in the order of pairs."""
    return np.array([pair.values[name] for pair in row.pairs], dtype=float)


def _scope(results: Results, whole: Sequence[Key]) -> Scope:
    labels = [label for label in results.found if card_of(results, label).kind != "control"]
    attempted = [len(results.found[label]) for label in labels or results.found]
    return "full" if max(attempted) == len(whole) else "shared"


def _shared(results: Results, whole: Sequence[Key]) -> list[Key]:
    shared = [key for key in whole if all(key in by for by in results.found.values())]
    if not shared:
        counts = ", ".join(f"'{label}' {len(by)}" for label, by in sorted(results.found.items()))
        raise ValueError(
            f"No pair was attempted by every method (attempted of {len(whole)}: {counts}). Run "
            "them on the same clips, or ask for --scope full, where a missing pair counts as worst."
        )
    return shared


def _ranked(rows: list[Row], columns: Sequence[Column], bootstrap: Bootstrap) -> list[Row]:
    """Give competitors their ranks on each axis that is scored."""
    competing = [row for row in rows if not row.control]
    if not competing:
        return rows
    clusters = [pair.clip for pair in competing[0].pairs]
    ranks: dict[str, Mapping[str, int]] = {}
    for name in (c.name for c in columns if c.name in RANKING and c.scored):
        values = {row.label: column_values(row, name) for row in competing}
        ranks[name] = rank_groups(values, clusters, **bootstrap.model_dump())
    return [row if row.control else _with_ranks(row, ranks) for row in rows]


def _with_ranks(row: Row, ranks: Mapping[str, Mapping[str, int]]) -> Row:
    cells = dict(row.cells)
    for name, by_label in ranks.items():
        cells[name] = cells[name].model_copy(update={"rank": by_label[row.label]})
    return row.model_copy(update={"cells": cells})


def _marked(rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    """Mark the competitors on the front of text and motion; without both there is no front."""
    if not all(column.scored for column in columns if column.name in RANKING):
        return rows
    front = pareto_front(
        {r.label: (_height(r, TEXT), _height(r, MOTION)) for r in rows if not r.control}
    )
    return [row.model_copy(update={"pareto": row.label in front}) for row in rows]


def _place(row: Row) -> tuple[bool, bool, float, float, str]:
    """Competitors first, of them the front, by motion; then controls by motion."""
    return row.control, not row.pareto, -_height(row, MOTION), -_height(row, TEXT), row.label


def _height(row: Row, axis: str) -> float:
    """Mean on an axis; on one that is not scored all rows are level."""
    mean = row.cells[axis].mean
    return 0.0 if mean is None else mean
