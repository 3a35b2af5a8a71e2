"""Origin of a number in a table: the pairs of its mean, and what each depends on."""

from __future__ import annotations

from pathlib import Path

from smmbench.metrics.registry import all_metrics, metric
from smmbench.plugins import no_such
from smmbench.results import RunRecord, Score, Stored
from smmbench.scoring.counting import Key
from smmbench_leaderboard.board.build import board_of
from smmbench_leaderboard.board.columns import FLOOR, MOTION, OTHERS, RANKING, value_of
from smmbench_leaderboard.board.reading import Results, read_results
from smmbench_leaderboard.board.types import (
    Board,
    Bootstrap,
    Cell,
    Column,
    Pair,
    Row,
    Scope,
    Status,
)
from smmbench_leaderboard.provenance.chain import (
    Link,
    current_link,
    links_of,
    scorer_for,
    unnamed_file,
)

SHOWN_AS = {"chance_level": FLOOR, "wrong_source_score": OTHERS}
"""Displayed names of columns that files store under another name."""


class PairOfMean(Stored):
    """One pair as it enters the mean."""

    clip: str
    edit: str
    seed: int
    status: Status
    failure: str
    counts: float | None  # its value, or the worst; None for a missing score of unrelated motion
    scored: bool  # whether it has a value
    broken: tuple[str, ...]  # links that do not hold
    marks: tuple[str, ...] = ()  # rules that mark it, in which case it counts as worst on motion


class CellOrigin(Stored):
    """Origin of a mean.

    Attributes:
        column: The column, with metric, version and the conditions of all its scores.
        worst_pairs: Number of pairs without a number, which count as `column.worst`.
        sum: Sum of all values that count; the mean is this divided by their number.
        unbroken: Whether every link of every pair with a video holds.
    """

    method: str
    column: Column
    dataset: str
    scope: Scope
    cell: Cell
    sum: float
    worst_pairs: int
    pairs: tuple[PairOfMean, ...]
    unbroken: bool
    notes: tuple[str, ...]


class PairOrigin(Stored):
    """Origin of the number of one pair.

    Attributes:
        value: The number; if None, `counts` is the worst value, or None.
        marks: Rules by which the number is not accepted; `counts` is then the worst value.
        score: Score with its origin: conventions, tracker, model, hashes. None if not scored.
        record: Record of how the video was generated; None if there is none.
        links: What was checked; the chain is `unbroken` if none of them fails.
    """

    method: str
    column: str
    metric: str
    detail: str
    dataset: str
    clip: str
    edit: str
    seed: int
    folder: str
    status: Status
    value: float | None
    counts: float | None
    marks: tuple[str, ...] = ()
    score: Score | None
    record: RunRecord | None
    links: tuple[Link, ...]
    unbroken: bool


def why_cell(
    root: Path, method: str, column: str, dataset: str | None = None, scope: Scope | None = None
) -> CellOrigin:
    """Explain the mean of a method in a column of the table.

    Every video of the method is decoded; no model is loaded.

    Raises:
        LookupError: No such method or column; the message lists what there is.
        ValueError: As `make_board`.
    """
    results, board, shown = _found(root, method, column, dataset, scope)
    (row,) = (row for row in board.rows if row.label == method)
    pairs = []
    for pair in row.pairs:
        result = results.found[method].get((pair.clip, pair.edit, pair.seed))
        links: tuple[Link, ...] = ()
        if result is not None and result.record.status == "done":
            links = links_of(result, shown.metric, results.dataset)
        pairs.append(
            PairOfMean(
                clip=pair.clip,
                edit=pair.edit,
                seed=pair.seed,
                status=pair.status,
                failure=pair.failure,
                counts=pair.values.get(shown.name),
                scored=value_of(shown, result) is not None,
                broken=tuple(link.name for link in links if link.holds is False),
                marks=_marks(shown, pair, row),
            )
        )
    return CellOrigin(
        method=method,
        column=shown,
        dataset=board.dataset,
        scope=board.scope,
        cell=row.cells[shown.name],
        sum=sum(pair.counts for pair in pairs if pair.counts is not None),
        worst_pairs=sum(not pair.scored and pair.counts is not None for pair in pairs),
        pairs=tuple(pairs),
        unbroken=not any(pair.broken for pair in pairs),
        notes=board.notes,
    )


def why_pair(
    root: Path,
    method: str,
    column: str,
    pair: Key,
    dataset: str | None = None,
    device: str = "cpu",
    tracker: str | None = None,
    text_model: str | None = None,
) -> PairOrigin:
    """Explain the number of one pair; the models are loaded to check if it would be kept.

    Args:
        root: The results folder.
        method: Label of the method.
        column: Column of the table.
        pair: Clip, edit and seed.
        dataset: Name or path; None if the results are of one dataset.
        device: Device of the models.
        tracker: The tracker, if the score depends on a local file; None for the one it names.
        text_model: The text model, likewise.

    Raises:
        LookupError: No such method, column or pair; the message lists what there is.
        ValueError: As `make_board`.
    """
    results, board, shown = _found(root, method, column, dataset, "full")
    (row,) = (row for row in board.rows if row.label == method)
    entries = {(one.clip, one.edit, one.seed): one for one in row.pairs}
    if pair not in entries:
        names = ["/".join(map(str, key)) for key in entries]
        raise LookupError(no_such("pair", "/".join(map(str, pair)), names))
    entry, result = entries[pair], results.found[method].get(pair)
    score = result.scores.get(shown.metric) if result else None
    links: list[Link] = []
    if result is not None and result.record.status == "done":
        links += links_of(result, shown.metric, results.dataset)
        output = [link.holds for link in links if link.name.startswith("output")]
        if score is not None and score.value is not None and all(output):
            link = unnamed_file(score, results.dataset, tracker, text_model)
            if link is None:
                scorer = scorer_for(score, results.dataset, device, tracker, text_model)
                link = current_link(result, shown.metric, scorer, results.dataset)
            links.append(link)
    return PairOrigin(
        method=method,
        column=shown.name,
        metric=shown.metric,
        detail=shown.detail,
        dataset=board.dataset,
        clip=entry.clip,
        edit=entry.edit,
        seed=entry.seed,
        folder=str(result.folder) if result else "",
        status=entry.status,
        value=value_of(shown, result),
        counts=entry.values.get(shown.name),
        marks=_marks(shown, entry, row),
        score=score,
        record=result.record if result else None,
        links=tuple(links),
        unbroken=bool(links) and not any(link.holds is False for link in links),
    )


def _marks(column: Column, pair: Pair, row: Row) -> tuple[str, ...]:
    """Return what makes a pair count as worst in a column although it has a number."""
    return pair.marks if column.metric == MOTION and not row.control else ()


def _found(
    root: Path, method: str, column: str, dataset: str | None, scope: Scope | None
) -> tuple[Results, Board, Column]:
    """Return the board and the column of the number; intervals are those of the table."""
    results = read_results(  # the chain checks prompts and videos
        root, dataset, check_prompts=False, check_videos=False
    )
    if method not in results.found:
        raise LookupError(no_such("method in these results", method, sorted(results.found)))
    column = SHOWN_AS.get(column, column)
    more = [known.name for known in all_metrics() if known.name not in RANKING]
    asked = (metric(column).name,) if column in more else ()
    board = board_of(results, scope, Bootstrap(), asked)
    for shown in board.columns:
        if shown.name == column:
            (row,) = (row for row in board.rows if row.label == method)
            if row.cells[shown.name].mean is None:
                raise ValueError(f"'{column}' is not scored yet. Run `smmbench score` first.")
            return results, board, shown
    raise LookupError(no_such("column", column, [*(c.name for c in board.columns), *more]))
