"""Compute one method's row, in which every pair of the scope counts, whatever its outcome."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from smmbench.cluster.spreading import Spread
from smmbench.method import Card
from smmbench.metrics.registry import metric
from smmbench.results import RunRecord
from smmbench.results.files import RECORD
from smmbench.scoring.counting import Key, counted, discredited
from smmbench.statistics import mean_interval
from smmbench.storage.home import file_sha256
from smmbench_leaderboard.board.columns import RANKING, explains, is_floor, value_of
from smmbench_leaderboard.board.reading import Result, Results
from smmbench_leaderboard.board.selectivity import ENOUGH, selectivity_cells
from smmbench_leaderboard.board.types import Bootstrap, Cell, Column, Coverage, Pair, Row, Status

CellsOf = Callable[[Sequence[Column], Sequence[Pair], Bootstrap], dict[str, Cell]]

GIB = 2**30
UNKNOWN_FAMILY = "family not stated"
EMPTY = Cell(mean=None, interval=None)


def card_of(results: Results, label: str) -> Card:
    """Return the card of a method; a minimal one if it has none."""
    method = results.methods[label]
    return method.card if method else Card(title=label)


def row_of(
    label: str,
    results: Results,
    keys: Sequence[Key],
    columns: Sequence[Column],
    bootstrap: Bootstrap,
    cells: CellsOf | None = None,
) -> Row:
    """Make the row of one method, without rank and mark, which need the other rows.

    Args:
        label: The method's label.
        results: All results.
        keys: Pairs of the scope, each of which counts.
        columns: Columns of the row.
        bootstrap: Settings of the intervals.
        cells: Computes the cells; None for `cells_of`.
    """
    found = results.found[label]
    inside = [found[key] for key in keys if key in found]
    measured = [one for one in columns if one.scored and not never_scored(one, inside)]
    card = card_of(results, label)
    control = card.kind == "control"
    pairs = tuple(_pair(key, found.get(key), measured, control) for key in keys)
    records = [result.record for result in inside]
    sample = next(iter(found.values())).record if found else None
    return Row(
        label=label,
        card=card,
        entry=sample.entry if sample else "",
        parameters=sample.parameters if sample else {},
        parameters_sha256=sample.parameters_sha256 if sample else "",
        weights=sample.weights if sample else {},
        devices=tuple(sorted({record.environment.device for record in records})),
        packages=_packages(records),
        records_sha256=_records_sha256(inside),
        coverage=coverage_of(pairs, len(found)),
        cells=(cells or cells_of)(columns, pairs, bootstrap),
        seconds=_seconds(records),
        peak_gib=max((record.peak_memory_bytes for record in records), default=0) / GIB or None,
        pareto=False,
        pairs=pairs,
        block=block_of(card_of(results, label), (one.record for one in found.values())),
        selectivity=selectivity_cells(results, label, bootstrap, ENOUGH),
    )


def block_of(card: Card, records: Iterable[RunRecord]) -> str:
    """Return the block within which rows are ranked: backbone family and input contract.

    A larger or newer video model, or a first image besides the text, is no merit of a method. The
    family is that of the backbone that was loaded, or the card's if no record states it.

    Returns:
        A name such as `wan, text`; empty if the family is not stated and the input is text, as in
        all older results.
    """
    loaded = (one.backbone.family for one in records if one.backbone is not None)
    family = next(loaded, card.family)
    if not family and card.input_contract == "text":
        return ""
    return f"{family or UNKNOWN_FAMILY}, {card.input_contract or 'input not stated'}"


def partial_row(
    label: str,
    results: Results,
    attempted: Sequence[Key],
    asked: int,
    columns: Sequence[Column],
    bootstrap: Bootstrap,
    cells: CellsOf | None = None,
) -> Row:
    """Make the unranked row of a method that is listed separately, over the pairs it attempted.

    Args:
        label: The method's label.
        results: All results.
        attempted: Pairs that the method attempted.
        asked: Number of pairs of the dataset.
        columns: Columns of the row.
        bootstrap: Settings of the intervals.
        cells: Computes the cells; None for `cells_of`.
    """
    row = row_of(label, results, attempted, columns, bootstrap, cells)
    return standing_apart(row, attempted, asked)


def standing_apart(row: Row, attempted: Sequence[Key], asked: int) -> Row:
    """Flag a row that lacks pairs of the board; its coverage refers to the whole dataset."""
    lack = {"expected": asked, "missing": asked - len(attempted)}
    coverage = row.coverage.model_copy(update=lack)
    return row.model_copy(update={"partial": True, "coverage": coverage})


def never_scored(column: Column, results: Iterable[Result]) -> bool:
    """Return whether an auxiliary metric was computed for none of a method's videos.

    In that case nothing is known, and counting the worst value would be a false statement.
    """
    videos = [result for result in results if result.record.status == "done"]
    return explains(column) and bool(videos) and lacking(column, videos) == len(videos)


def lacking(column: Column, results: Iterable[Result]) -> int:
    """Return the number of videos without a number in a column."""
    return sum(
        result.record.status == "done" and value_of(column, result) is None for result in results
    )


def cells_of(
    columns: Sequence[Column], pairs: Sequence[Pair], bootstrap: Bootstrap
) -> dict[str, Cell]:
    """Means and intervals of all columns of a row, by column name."""
    return {column.name: cell_of(column, pairs, bootstrap) for column in columns}


def no_cells(
    columns: Sequence[Column], pairs: Sequence[Pair], bootstrap: Bootstrap
) -> dict[str, Cell]:
    """Return no cells: `with_cells` computes those of all rows together."""
    return {}


def with_cells(
    rows: Sequence[Row], columns: Sequence[Column], bootstrap: Bootstrap, spread: Spread
) -> list[Row]:
    """Give rows their cells; each row's are one call, with the bootstrap's seed of its own."""
    computed = spread(cells_of, [(columns, row.pairs, bootstrap) for row in rows])
    return [
        row.model_copy(update={"cells": cells}) for row, cells in zip(rows, computed, strict=True)
    ]


def cell_of(column: Column, pairs: Sequence[Pair], bootstrap: Bootstrap) -> Cell:
    """Return mean and interval of a column over the pairs that have a value.

    All pairs have a value, except in columns of scores of unrelated motion. The interval is cut at
    the range of the metric, because Student's t, which is used with few clips, knows no range and
    would exceed 1 for three clips near 1.
    """
    pairs = [pair for pair in pairs if column.name in pair.values]
    if not pairs:
        return EMPTY
    values = np.array([pair.values[column.name] for pair in pairs], dtype=float)
    estimate = mean_interval(values, [pair.clip for pair in pairs], **bootstrap.model_dump())
    return Cell(mean=estimate.mean, interval=within_range(column.metric, estimate.interval))


def within_range(name: str, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """Cut an interval at the range of a metric; None stays None."""
    if interval is None:
        return None
    known = metric(name)
    low, high = (min(max(end, known.minimum), known.maximum) for end in interval)
    return low, high


def _pair(key: Key, result: Result | None, measured: Sequence[Column], control: bool) -> Pair:
    """Return the numbers of one pair; a missing one counts as worst.

    Only scores of unrelated motion are left out instead.

    Args:
        key: The pair.
        result: Its result, if there is one.
        measured: The columns in which the row has numbers.
        control: Whether the row is a control; see `discredited` for what that changes.
    """
    clip, edit, seed = key
    found = {column.name: value_of(column, result) for column in measured}
    marks = result.marks_that_hold if result else ()
    values = {
        column.name: counted(
            found[column.name],
            column.worst,
            discredited(column.metric, marks, control) and not is_floor(column),
        )
        for column in measured
        if found[column.name] is not None or not is_floor(column)
    }
    status: Status = "missing" if result is None else result.record.status
    if status == "done" and any(name in RANKING and found[name] is None for name in found):
        status = "unscored"
    failure = result.record.failure if result else None
    return Pair(
        clip=clip,
        edit=edit,
        seed=seed,
        status=status,
        failure=failure.kind if failure else "",
        pixels_sha256=result.record.pixels_sha256 if result else "",
        values=values,
        marks=marks,
        batch=result.record.batch if result else 1,
    )


def coverage_of(pairs: Sequence[Pair], attempted: int) -> Coverage:
    """Count the outcomes of a row's pairs; `attempted` refers to the whole dataset."""
    count = Counter(pair.status for pair in pairs)
    return Coverage(
        expected=len(pairs),
        done=count["done"] + count["unscored"],
        unscored=count["unscored"],
        failed=dict(sorted(Counter(p.failure for p in pairs if p.status == "failed").items())),
        missing=count["missing"],
        of_dataset=attempted,
    )


def _seconds(records: Sequence[RunRecord]) -> float | None:
    """Return seconds per finished pair; preparing a clip counts once for all its pairs."""
    done = [record for record in records if record.status == "done"]
    prepared: dict[str, float] = {}
    for record in done:
        clip = record.request.clip
        prepared[clip] = max(prepared.get(clip, 0.0), record.prepare_seconds)
    total = sum(prepared.values()) + sum(record.transfer_seconds for record in done)
    return total / len(done) if total else None  # outputs made elsewhere have no time


def _packages(records: Sequence[RunRecord]) -> dict[str, tuple[str, ...]]:
    versions: dict[str, set[str]] = {}
    for record in records:
        for name, version in record.environment.packages.items():
            versions.setdefault(name, set()).add(version)
    return {name: tuple(sorted(versions[name])) for name in sorted(versions)}


def _records_sha256(results: Sequence[Result]) -> str:
    digest = hashlib.sha256()
    for result in results:
        digest.update(file_sha256(result.folder / RECORD).encode())
    return digest.hexdigest()
