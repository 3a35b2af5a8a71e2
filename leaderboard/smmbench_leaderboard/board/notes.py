"""Notes of a board: missing, outdated or otherwise unusual numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from smmbench.dataset import Dataset
from smmbench.marks import MARKED_SHARE, RULES
from smmbench.metrics.registry import metric
from smmbench.results import Mark
from smmbench.scoring.counting import Key
from smmbench_leaderboard.board.columns import RANKING, explains
from smmbench_leaderboard.board.reading import Results
from smmbench_leaderboard.board.rows import lacking
from smmbench_leaderboard.board.selectivity import AGAINST
from smmbench_leaderboard.board.types import Column, Pair, Row, Scope


def notes_of(
    results: Results,
    rows: Sequence[Row],
    columns: Sequence[Column],
    keys: Sequence[Key],
    scope: Scope,
) -> tuple[str, ...]:
    """Return all notes of a board: first what was left out, then on columns, then on rows.

    Args:
        results: Results that the board shows.
        rows: Rows of the board.
        columns: Columns of the board.
        keys: Pairs of its scope.
        scope: Which pairs count.
    """
    return (
        *results.problems,
        *_unscored_notes(columns),
        *_caution_notes(columns),
        *_stale_notes(columns),
        *_protocol_notes(results.dataset, columns),
        *_row_notes(results, rows, scope),
        *_unlooked_notes(results, rows),
        *_lacking_notes(results, rows, keys, columns),
    )


def _unscored_notes(columns: Sequence[Column]) -> list[str]:
    """State once, instead of for each row, which columns have no number at all."""
    return [
        f"{column.title} was not scored for any method; `smmbench score` reports the reason."
        for column in columns
        if not column.scored and not column.detail
    ]


def _caution_notes(columns: Sequence[Column]) -> Iterator[str]:
    """State which columns must not be used for ranking, and why."""
    for column in columns:
        if not column.detail and (caution := metric(column.metric).caution):
            yield f"{column.title} does not rank: {caution}."


def _stale_notes(columns: Sequence[Column]) -> list[str]:
    """State which columns are of an outdated metric version, which newer scores never join."""
    return [
        f"{column.title} is outdated: scored under version {column.version} of the metric; the "
        f"current version is {metric(column.metric).version}. Run `smmbench score` again."
        for column in columns
        if column.scored and not column.detail and column.version != metric(column.metric).version
    ]


def _row_notes(results: Results, rows: Sequence[Row], scope: Scope) -> list[str]:
    """Return what a reader must know before relying on a row."""
    notes = []
    for row in rows:
        coverage = row.coverage
        if row.imported:
            notes.append(
                f"{row.label} (i): made elsewhere and imported, not run here; its cost is unknown."
            )
        if row.card.approved_by:
            notes.append(
                f"{row.label} (author-approved): {row.card.approved_by} confirmed its settings."
            )
        if not row.ledger and results.methods[row.label] is None:
            notes.append(f"{row.label}: has no method.json, so it is treated as a method.")
        if coverage.unscored and not row.ledger:
            notes += _lack_of(row, results)
        if coverage.failed:
            kinds = ", ".join(f"{kind} {count}" for kind, count in coverage.failed.items())
            notes.append(f"{row.label}: failed pairs count as worst ({kinds}).")
        if row.partial:
            notes.append(
                f"{row.label} is listed separately: it attempted {coverage.of_dataset} of "
                f"{coverage.expected} pairs, and its means cover only those. Run the rest, or "
                "use --scope full, where a missing pair counts as worst."
            )
            continue
        notes += _mark_notes(row)
        if not row.control and not coverage.done:
            notes.append(f"{row.label}: has no video, and therefore no rank.")
        if coverage.missing:
            missing = "pair counts" if coverage.missing == 1 else "pairs count"
            notes.append(f"{row.label}: {coverage.missing} missing {missing} as worst.")
        if scope == "shared" and coverage.of_dataset > coverage.expected:
            more = coverage.of_dataset - coverage.expected
            notes.append(
                f"{row.label}: {more} {'result is' if more == 1 else 'results are'} omitted, "
                "because the other rows lack those pairs."
            )
    notes += [
        f"{label}: {count} results of seeds or edits outside the protocol are omitted."
        for label, count in sorted(results.left_out.items())
    ]
    return [*notes, *_other_reference_notes(results, rows)]


def _other_reference_notes(results: Results, rows: Sequence[Row]) -> Iterator[str]:
    """Say what was made from another motion, and whose selectivity covers too few clips."""
    counts = [
        f"{label} {', '.join(f'{count} {name}' for name, count in sorted(by_name.items()))}"
        for label, by_name in sorted(results.other_references.items())
    ]
    if counts:
        yield (
            "Results that were made from a motion other than the clip's own are listed separately "
            f"and are in no mean of this table: {'; '.join(counts)}."
        )
    few = [
        row.label
        for row in rows
        for against in AGAINST
        if against in results.from_others.get(row.label, {}) and against not in row.selectivity
    ]
    if few:
        yield (
            "S is shown once it covers half of the clips whose two references differ in motion: "
            f"not yet for {', '.join(dict.fromkeys(few))}."
        )


def _mark_notes(row: Row) -> Iterator[str]:
    """State that a row has no rank because of its marks."""
    if not row.control and row.marked_share > MARKED_SHARE:
        yield (
            f"{row.label}: {row.marked_share:.1%} of its pairs are marked, more than "
            f"{MARKED_SHARE:.0%}, so it has no rank."
        )


def _unlooked_notes(results: Results, rows: Sequence[Row]) -> Iterator[str]:
    """State how many videos were scored before all marks were measured."""
    counts = Counter(
        row.label
        for row in rows
        if not row.ledger
        for pair in row.pairs
        if pair.status == "done" and not _looked(results.found[row.label][_key(pair)].marks)
    )
    if counts:
        labels = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
        yield (
            f"Scored before all marks were measured, so their motion is accepted ({labels}); run "
            "`smmbench score` again."
        )


def _looked(marks: Iterable[Mark]) -> bool:
    """Return whether every rule was tried, including those that could not be measured."""
    return {mark.name for mark in marks} >= {rule.name for rule in RULES}


def _key(pair: Pair) -> Key:
    return pair.clip, pair.edit, pair.seed


def _lack_of(row: Row, results: Results) -> Iterator[str]:
    """State how many videos lack a number on an axis, by the reason that is stored."""
    found = results.found[row.label]
    reasons: Counter[str] = Counter()
    for pair in row.pairs:
        if pair.status == "unscored":
            scores = found[pair.clip, pair.edit, pair.seed].scores
            said = [scores[name].note for name in RANKING if name in scores and scores[name].note]
            reasons[said[0] if said else ""] += 1
    for reason, count in reasons.items():
        yield (
            f"{row.label}: {_finished(count)} as worst"
            + (f": {reason}" if reason else "; run `smmbench score` again.")
        )


def _finished(count: int) -> str:
    return f"{count} finished {'pair lacks' if count == 1 else 'pairs lack'} a score and " + (
        "counts" if count == 1 else "count"
    )


def _lacking_notes(
    results: Results, rows: Sequence[Row], keys: Sequence[Key], columns: Sequence[Column]
) -> Iterator[str]:
    """State which videos have no number of a metric besides the two axes."""
    for column in (one for one in columns if one.scored and explains(one)):
        for row in (one for one in rows if not one.ledger):
            found = results.found[row.label]
            if count := lacking(column, [found[key] for key in keys if key in found]):
                counts = row.cells[column.name].mean is not None
                worst = ", which counts as worst" if counts else ""
                yield (
                    f"{row.label}: {count} videos have no {column.title}{worst}; run "
                    f"`smmbench score --metrics {column.metric}` on this folder."
                )


def _protocol_notes(dataset: Dataset, columns: Sequence[Column]) -> list[str]:
    """State it if all scores were computed under another protocol than the dataset's."""
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
            ["Not the dataset's protocol: outputs against the sources' ground-truth tracks."]
            if known
            else []
        ),
    ]
