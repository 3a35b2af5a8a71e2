"""From results to a board: means over every pair that was asked for, never over survivors."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from smmbench import __version__
from smmbench.dataset import Dataset
from smmbench.metrics.registry import metric
from smmbench.statistics import rank_groups
from smmbench_leaderboard.columns import MOTION, RANKING, TEXT, columns_of, explains
from smmbench_leaderboard.pareto import pareto_front
from smmbench_leaderboard.reading import Key, Results, expected_pairs, read_results
from smmbench_leaderboard.rows import card_of, lacking, never_scored, row_of
from smmbench_leaderboard.types import Board, Bootstrap, Column, Row, Scope


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
        notes=(
            *_unscored_notes(columns),
            *_stale_notes(columns),
            *_protocol_notes(results.dataset, columns),
            *_notes(results, rows, scope),
            *_lacking_notes(results, keys, columns),
        ),
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


def _unscored_notes(columns: Sequence[Column]) -> list[str]:
    """Say once, not for each row, what nobody has a number of."""
    return [
        f"{column.title} was not scored for any method; `smmbench score` says why."
        for column in columns
        if not column.scored and not column.detail
    ]


def _stale_notes(columns: Sequence[Column]) -> list[str]:
    """Say which columns are of an older metric: they stand alone, and never beside newer ones."""
    return [
        f"{column.title} is stale: scored under version {column.version} of the metric, here is "
        f"version {metric(column.metric).version}. Run `smmbench score` on this folder."
        for column in columns
        if column.scored and not column.detail and column.version != metric(column.metric).version
    ]


def _notes(results: Results, rows: Sequence[Row], scope: Scope) -> list[str]:
    """What a reader must know before believing a row."""
    notes = []
    for row in rows:
        coverage = row.coverage
        if row.imported:
            notes.append(
                f"{row.label} (i): made elsewhere and imported, not run here; what it cost is "
                "not known."
            )
        if coverage.unscored:
            notes += _unscored_notes_of(row, results)
        if coverage.failed:
            kinds = ", ".join(f"{kind} {count}" for kind, count in coverage.failed.items())
            notes.append(f"{row.label}: failed pairs count as worst ({kinds}).")
        if coverage.missing:
            notes.append(f"{row.label}: {coverage.missing} missing pairs count as worst.")
        if not row.pairs or (scope == "shared" and coverage.of_dataset > coverage.expected):
            notes.append(
                f"{row.label}: {coverage.of_dataset - coverage.expected} more results are left "
                "out, as not every method has them."
            )
        if results.methods[row.label] is None:
            notes.append(f"{row.label}: has no method.json, so it is taken for a method.")
    notes += [
        f"{label}: {count} results of seeds or edits outside the protocol are left out."
        for label, count in sorted(results.left_out.items())
    ]
    return notes


def _unscored_notes_of(row: Row, results: Results) -> Iterator[str]:
    """Say how many videos lack a number on an axis, by what their scores say of it."""
    found = results.found[row.label]
    reasons: Counter[str] = Counter()
    for pair in row.pairs:
        if pair.status == "unscored":
            scores = found[pair.clip, pair.edit, pair.seed].scores
            said = [scores[name].note for name in RANKING if name in scores and scores[name].note]
            reasons[said[0] if said else ""] += 1
    for reason, count in reasons.items():
        yield (
            f"{row.label}: {count} finished pairs lack a score and count as worst"
            + (f": {reason}" if reason else "; run `smmbench score` again.")
        )


def _lacking_notes(
    results: Results, keys: Sequence[Key], columns: Sequence[Column]
) -> Iterator[str]:
    """Say which videos have no number of a metric besides the two axes."""
    for column in (one for one in columns if one.scored and explains(one)):
        for label, found in sorted(results.found.items()):
            inside = [found[key] for key in keys if key in found]
            if count := lacking(column, inside):
                worst = "" if never_scored(column, inside) else ", which counts as worst"
                yield (
                    f"{label}: {count} videos have no {column.title}{worst}; run `smmbench score "
                    f"--metrics {column.metric}` on this folder."
                )


def _protocol_notes(dataset: Dataset, columns: Sequence[Column]) -> list[str]:
    """Say where all scores were computed under another protocol than the dataset's."""
    own = dataset.manifest.protocol.model_dump(mode="json")
    used = {
        name: value
        for column in columns
        for name, value in column.conditions.get("protocol", {}).items()
        if own.get(name) != value
    }
    known = any(column.conditions.get("source_tracked_by") == "known" for column in columns)
    return [
        *(
            f"Not the dataset's protocol: scored with {name} {value}."
            for name, value in sorted(used.items())
        ),
        *(
            ["Not the dataset's protocol: outputs against the sources' true tracks."]
            if known
            else []
        ),
    ]
