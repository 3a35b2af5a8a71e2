"""Combine the results of a folder and the published rows of a ledger for one board."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from smmbench.dataset import load_dataset
from smmbench.plugins import no_such
from smmbench_leaderboard.board.columns import RANKING, columns_of
from smmbench_leaderboard.board.composition import chosen_methods
from smmbench_leaderboard.board.published import PublishedRows, read_published
from smmbench_leaderboard.board.reading import NoResultsError, Results, read_results
from smmbench_leaderboard.board.types import Column, Row
from smmbench_leaderboard.ledger.tiers import TIERS

BUNDLED = ("smmbench.", "smmbench_baselines.")  # how the entry point of a bundled method begins
FEW = 3  # at most as many rows are named in a sentence on all rows


def beside(
    root: Path, ledger: Path, dataset: str | None = None, metrics: Sequence[str] = ()
) -> tuple[Results, PublishedRows]:
    """Read a results folder, and the published rows that are comparable with it.

    The labels of published rows begin with `ledger:`, so that a local and a published row of the
    same label can be shown together. Without results of the dataset there are only published rows.

    Args:
        root: The results folder.
        ledger: Folder of the ledger.
        dataset: Name or manifest path; None if the results, or else the ledger, are of one dataset.
        metrics: Metrics that are requested besides the axes.

    Raises:
        ValueError: As for `read_results`, or an entry of the ledger cannot be read.
    """
    if not root.is_dir():
        return _alone(ledger, dataset, f"There is no results folder '{root}'")
    try:
        results = read_results(root, dataset)
    except NoResultsError as error:
        return _alone(ledger, dataset, str(error).rstrip("."))
    every = [result for by in results.found.values() for result in by.values()]
    columns = columns_of(every, metrics, others=True)
    return results, read_published(ledger, results.dataset, columns)


def _alone(ledger: Path, dataset: str | None, why: str) -> tuple[Results, PublishedRows]:
    """Read published rows that have no results beside them, and note why they have none."""
    chosen = load_dataset(dataset or only_dataset(ledger))
    published = read_published(ledger, chosen)
    notes = (f"Published rows only. {why}.", *published.notes)
    return Results(chosen, {}, {}, {}), PublishedRows(published.rows, notes)


def chosen_of_both(
    results: Results,
    published: PublishedRows,
    methods: Collection[str] = (),
    exclude: Collection[str] = (),
) -> tuple[Results, PublishedRows]:
    """Keep the named rows, local or published, or all but those excluded.

    Raises:
        LookupError: There is no such row; the message lists the rows.
        ValueError: No row is left.
    """
    known = {*results.found, *published.labels}
    for label in (*methods, *exclude):
        if label not in known:
            kind = f"method in these results{' or the ledger' if published.rows else ''}"
            raise LookupError(no_such(kind, label, sorted(known)))
    kept = published.chosen(methods, exclude)
    own = set(results.found) & set(methods or results.found) - {*exclude}
    if not own and not kept.rows:
        raise ValueError("No method is left: every one was excluded.")
    if not own:
        return Results(results.dataset, {}, {}, {}, results.problems), kept
    return chosen_methods(results, own), kept


def columns_beside(
    columns: tuple[Column, ...], published: PublishedRows, metrics: Sequence[str] = ()
) -> tuple[Column, ...]:
    """Return the columns of a board with published rows, which may fill empty columns.

    Raises:
        ValueError: No row has a number of a requested metric.
    """
    if not published.rows:
        return columns
    theirs = published.rows[0].board.columns
    scored = {column.metric for column in columns if column.scored}
    kept = [column for column in columns if column.scored]
    wanted = {*RANKING, *metrics} - scored
    kept += [column for column in theirs if column.metric in wanted and column.scored]
    lacking = {column.metric for column in columns} - {column.metric for column in kept}
    if missing := sorted(lacking - {*RANKING}):
        raise ValueError(
            f"Neither these results nor the ledger have a number of '{missing[0]}'. Run "
            f"`smmbench score --metrics {missing[0]}` on the results folder first."
        )
    order = {column.name: place for place, column in enumerate((*columns, *theirs))}
    kept += [column for column in columns if column.metric in lacking]
    return tuple(sorted(kept, key=lambda column: order[column.name]))


def only_dataset(ledger: Path) -> str:
    """Return the name of the dataset of all entries of a ledger.

    Raises:
        ValueError: There is no entry, or the entries are of several datasets.
    """
    names = sorted({path.parent.name for path in ledger.rglob("*.board.xz")})
    if not names:
        raise ValueError(f"The ledger '{ledger}' has no entry.")
    if len(names) > 1:
        raise ValueError(f"The ledger has entries of {', '.join(names)}: choose one by --dataset.")
    return names[0]


def published_notes(rows: Sequence[Row], published: PublishedRows) -> Iterator[str]:
    """Return notes on the published rows of a board."""
    shown = [row for row in rows if row.ledger]
    for tier, meaning in TIERS.items():
        if labels := [row.label for row in shown if row.tier == tier]:
            yield f"Published, tier {tier} ({meaning}): {_some(labels, shown)}."
    before = {one.row.label for one in published.rows if one.board.schema_version == 1}
    competing = [row for row in shown if not row.control]
    if labels := [row.label for row in competing if row.label in before]:
        yield (
            "Published before marks were measured, so their motion scores are accepted unchecked: "
            f"{_some(labels, competing)}."
        )
    made_here = [row for row in competing if row.entry.startswith(BUNDLED)]
    if labels := [row.label for row in made_here if not row.card.approved_by]:
        yield (
            "Re-implemented by the organisers, and not yet confirmed by the methods' authors: "
            f"{_some(labels, made_here)}; see leaderboard/docs/policy.md."
        )
    yield from published.notes


def _some(labels: Sequence[str], rows: Sequence[Row]) -> str:
    every = len(labels) == len(rows) > FEW
    return f"all {len(labels)} rows" if every else ", ".join(labels)
