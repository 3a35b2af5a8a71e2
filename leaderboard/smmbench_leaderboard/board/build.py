"""Build a board from results: means cover all requested pairs, not only those that succeeded."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from smmbench import __version__
from smmbench.cluster.spreading import Spread, here
from smmbench.dataset import Dataset, load_dataset
from smmbench_leaderboard.board.columns import MOTION, TEXT, columns_of
from smmbench_leaderboard.board.composition import (
    Composition,
    chosen_methods,
    compose,
    of_pairs,
    pairs_of_one_length,
)
from smmbench_leaderboard.board.joining import (
    beside,
    chosen_of_both,
    columns_beside,
    only_dataset,
    published_notes,
)
from smmbench_leaderboard.board.notes import notes_of
from smmbench_leaderboard.board.published import PublishedRows, read_published
from smmbench_leaderboard.board.ranking import ranked
from smmbench_leaderboard.board.reading import Result, Results, read_results
from smmbench_leaderboard.board.restating import restated
from smmbench_leaderboard.board.rows import (
    CellsOf,
    cells_of,
    no_cells,
    partial_row,
    row_of,
    standing_apart,
    with_cells,
)
from smmbench_leaderboard.board.types import Board, Bootstrap, Column, Row, Scope


def make_board(
    root: Path,
    dataset: str | None = None,
    scope: Scope | None = None,
    bootstrap: Bootstrap | None = None,
    metrics: Sequence[str] = (),
    methods: Collection[str] = (),
    exclude: Collection[str] = (),
    frames: int | None = None,
    ledger: Path | None = None,
    check_videos: bool = True,
    spread: Spread = here,
) -> Board:
    """Make the board of one dataset.

    Args:
        root: The results folder; it may be missing if a ledger is given.
        dataset: Name or manifest path; None if the folder holds results of one dataset only.
        scope: `full`: every pair of the dataset; missing ones count as worst. `shared`: the pairs
            that all methods attempted. None: the pairs of the methods that attempted the most;
            rows that lack some are listed separately (see `compose`).
        bootstrap: How intervals are drawn.
        metrics: Names of metrics to show besides the two axes; they do not rank.
        methods: Labels of the rows to include; empty for all.
        exclude: Labels of rows to leave out.
        frames: Include only clips with this many frames; see `pairs_of_one_length`.
        ledger: Folder of a ledger whose published rows are shown too; see `beside`.
        check_videos: As for `read_results`; only without a ledger.
        spread: Runs the resampling, in this process or on a cluster.

    Raises:
        LookupError: There is no such metric or method, or no clip has that many frames.
        ValueError: There are no results or no scores, the rows share no pair, or scores were
            computed under different conditions.
    """
    bootstrap = bootstrap or Bootstrap()
    if ledger is None:
        found = read_results(root, dataset, check_videos=check_videos)
        results = chosen_methods(found, methods, exclude)
        return board_of(results, scope, bootstrap, metrics, frames, spread=spread)
    results, published = beside(root, ledger, dataset, metrics)
    results, published = chosen_of_both(results, published, methods, exclude)
    return board_of(results, scope, bootstrap, metrics, frames, published, spread)


def ledger_board(
    ledger: Path,
    dataset: str | None = None,
    scope: Scope | None = None,
    bootstrap: Bootstrap | None = None,
    metrics: Sequence[str] = (),
) -> Board:
    """Make the board of a ledger's current rows only, ranked again over their pairs.

    Args:
        ledger: Folder of the ledger.
        dataset: Name or manifest path; None if the ledger has entries of one dataset only.
        scope: As for `make_board`.
        bootstrap: How intervals are drawn.
        metrics: As for `make_board`.

    Raises:
        ValueError: The ledger has no entry, entries of several datasets, or no current row.
    """
    chosen = load_dataset(dataset or only_dataset(ledger))
    published = read_published(ledger, chosen, mark="")
    results = Results(chosen, {}, {}, {})
    return board_of(results, scope, bootstrap or Bootstrap(), metrics, published=published)


def board_of(
    results: Results,
    scope: Scope | None,
    bootstrap: Bootstrap,
    metrics: Sequence[str] = (),
    frames: int | None = None,
    published: PublishedRows | None = None,
    spread: Spread = here,
) -> Board:
    """Make a board from results that were read; see `make_board`."""
    published = published or PublishedRows()
    whole, lengths = pairs_of_one_length(results.dataset, frames)
    results = of_pairs(results, whole) if results.found else results
    if not results.found and not published.rows:
        raise ValueError(" ".join(["There is no row.", *published.notes]))
    composed = compose(results, whole, scope, published.rows)
    keys, apart = composed.keys, composed.apart
    inside = [
        found[key]
        for label, found in results.found.items()
        for key in apart.get(label, keys)
        if key in found
    ]
    columns = columns_beside(columns_of(inside, metrics, bool(published.rows)), published, metrics)
    if not any(column.scored for column in columns):
        raise ValueError(_why_nothing_is_scored(inside))
    own = sorted(results.found.keys() - apart.keys())
    whole_rows = [row_of(label, results, keys, columns, bootstrap, no_cells) for label in own]
    partial_rows = [
        partial_row(label, results, apart[label], len(whole), columns, bootstrap, no_cells)
        for label in sorted(results.found.keys() & apart.keys())
    ]
    for row in rows_of_published(published, composed, len(whole), columns, bootstrap, no_cells):
        (partial_rows if row.partial else whole_rows).append(row)
    drawn = with_cells([*whole_rows, *partial_rows], columns, bootstrap, spread)
    whole_rows, partial_rows = drawn[: len(whole_rows)], drawn[len(whole_rows) :]
    rows = [*ranked(whole_rows, columns, bootstrap, spread), *partial_rows]
    notes = (
        *lengths,
        *notes_of(results, rows, columns, keys, composed.scope),
        *published_notes(rows, published),
    )
    return assembled(results.dataset, composed, len(whole), bootstrap, columns, rows, notes)


def _why_nothing_is_scored(inside: Collection[Result]) -> str:
    """Return why no result has a score: no video has been scored, or there is no video."""
    if any(result.record.status == "done" for result in inside):
        return "Nothing is scored yet. Run `smmbench score` on this folder first."
    failures = [result.record.failure for result in inside]
    kinds = Counter(failure.kind for failure in failures if failure)
    said = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    return (
        f"There is no video to score: every pair failed ({said}). The records and run.log beside "
        "them state why; the same `smmbench run` tries these pairs again."
    )


def rows_of_published(
    published: PublishedRows,
    composed: Composition,
    dataset_pairs: int,
    columns: tuple[Column, ...],
    bootstrap: Bootstrap,
    cells: CellsOf = cells_of,
) -> Iterator[Row]:
    """Restate rows of a ledger over the board's pairs; rows that lack some are partial."""
    for one in published.rows:
        apart = composed.apart.get(one.row.label)
        keys = composed.keys if apart is None else apart
        row = restated(one, keys, columns, bootstrap, cells)
        yield row if apart is None else standing_apart(row, apart, dataset_pairs)


def assembled(
    dataset: Dataset,
    composed: Composition,
    dataset_pairs: int,
    bootstrap: Bootstrap,
    columns: tuple[Column, ...],
    rows: Sequence[Row],
    notes: Sequence[str],
) -> Board:
    """Assemble the board from ranked rows, in the order in which they are shown."""
    manifest = dataset.manifest
    return Board(
        smmbench=__version__,
        dataset=manifest.name,
        dataset_version=manifest.version,
        manifest_sha256=manifest_sha256(dataset),
        protocol=manifest.protocol,
        scope=composed.scope,
        clips=len({clip for clip, _, _ in composed.keys}),
        pairs=len(composed.keys),
        dataset_pairs=dataset_pairs,
        bootstrap=bootstrap,
        columns=columns,
        rows=in_order(rows),
        notes=tuple(notes),
    )


def manifest_sha256(dataset: Dataset) -> str:
    """SHA-256 of a manifest's content, whatever its comments and the order of its keys."""
    return hashlib.sha256(dataset.manifest.model_dump_json().encode()).hexdigest()


def in_order(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Sort rows as tables show them: methods by block, the largest first; controls; partial rows.

    Within a block, rows on the front come first, then the others by motion fidelity, and rows
    without any video come last.
    """
    sizes = Counter(row.block for row in rows if not row.control and not row.partial)

    def place(row: Row) -> tuple[object, ...]:
        apart = row.partial, row.control
        block = (0, "") if any(apart) else (-sizes[row.block], row.block)
        heights = -_height(row, MOTION), -_height(row, TEXT)
        return *apart, *block, row.coverage.done == 0, not row.pareto, *heights, row.label

    return tuple(sorted(rows, key=place))


def _height(row: Row, axis: str) -> float:
    """Mean on an axis; all rows are equal on an axis that is not scored."""
    mean = row.cells[axis].mean
    return 0.0 if mean is None else mean
