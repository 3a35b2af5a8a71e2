"""Rows of a ledger next to your own: read, checked for comparability, and never run again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smmbench.dataset import Dataset
from smmbench.metrics.registry import metric
from smmbench.plugins import load_offered, offered
from smmbench.scoring.counting import Key
from smmbench.scoring.libraries import with_ranges
from smmbench.storage.home import file_sha256
from smmbench.storage.weights_hash import tensors_sha256, weights_files
from smmbench_leaderboard.board.columns import RANKING, titled
from smmbench_leaderboard.board.mixing import differences
from smmbench_leaderboard.board.types import Board, Column, Pair, Row
from smmbench_leaderboard.ledger.chain import in_order
from smmbench_leaderboard.ledger.entries import (
    EntryFacts,
    notices_of,
    read_entry,
    standing,
    tier_of,
)
from smmbench_leaderboard.ledger.retiring import retired

MARK = "ledger:"
"""How the label of a published row begins when it is shown next to local rows."""

AGAIN = "submitted again since"
"""Why a row is not shown whose label a newer entry has, too."""

ROUNDING = 1e-6  # by which a value may exceed the range of its metric
_FAMILY_OF_BEFORE = "unet-3d, text"
"""Block of a row of schema version 1 that loaded a network, the only one at that time."""


@dataclass(frozen=True)
class Published:
    """One row of a ledger entry.

    Attributes:
        row: The row as it was published, with its entry and trust tier.
        board: The board that it is part of.
    """

    row: Row
    board: Board

    @property
    def attempted(self) -> frozenset[Key]:
        """Pairs that the row was run on."""
        return frozenset(key_of(pair) for pair in self.row.pairs if pair.status != "missing")


@dataclass(frozen=True)
class PublishedRows:
    """Rows of a ledger that a board can show, and a sentence on each that it cannot."""

    rows: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the rows, as the board shows them."""
        return tuple(one.row.label for one in self.rows)

    def chosen(self, methods: Collection[str] = (), exclude: Collection[str] = ()) -> PublishedRows:
        """Keep the named rows, or all but those excluded."""
        kept = set(self.labels) & set(methods or self.labels) - {*exclude}
        return replace(self, rows=tuple(one for one in self.rows if one.row.label in kept))


def key_of(pair: Pair) -> Key:
    """Return the pair of clip, edit and seed."""
    return pair.clip, pair.edit, pair.seed


def read_published(
    folder: Path, dataset: Dataset, columns: Sequence[Column] = (), mark: str = MARK
) -> PublishedRows:
    """Read the rows of a ledger that are comparable with scores of the given columns.

    A row is left out if it was withdrawn or corrected, if it is of another version of the dataset
    or of an outdated metric version, or if it was scored under other conditions. Of several entries
    of one label, only the newest counts. Every omission is listed with its reason.

    Args:
        folder: Folder of the ledger.
        dataset: The dataset.
        columns: Conditions of the local rows' scores; empty for those of the newest entry.
        mark: Prefix of each label.

    Raises:
        ValueError: An entry cannot be read.
    """
    notices = notices_of(folder)
    rows: dict[str, Published] = {}
    left_out: dict[str, dict[str, list[Row]]] = {}  # by the reason, and by the entry
    sizes: dict[str, int] = {}
    for path in reversed(in_order(folder)):
        if path.parent.name != dataset.manifest.name or not path.name.endswith(".board.xz"):
            continue
        name = path.relative_to(folder).as_posix()
        board, facts = read_published_board(path)
        apart = _apart(board, dataset, columns)
        sizes[name] = len(board.rows)
        for row in board.rows:
            label = mark + row.label
            again = AGAIN if label in rows else ""
            stands = standing(folder, name, row.label, notices)
            if why := stands or apart or _impossible(row, board) or again:
                left_out.setdefault(why, {}).setdefault(name, []).append(row)
            else:
                tier = tier_of(name, row.label, facts, notices)
                rows[label] = Published(_named(row, board, label, name, tier), board)
        columns = columns or (() if apart else board.columns)
    notes = (note for why, by_entry in left_out.items() for note in _notes_on(why, by_entry, sizes))
    return PublishedRows(tuple(rows.values()), tuple(notes))


def conditions_of(column: Column) -> Any:
    """Return the conditions of a column under current names, for comparing two columns."""
    return with_ranges(_by_tensors(column.conditions))


def read_published_board(path: Path) -> tuple[Board, EntryFacts]:
    """Read the board of an entry, and the facts of the entry.

    Raises:
        ValueError: The file is not an entry, or this version cannot read its board.
    """
    content, facts = read_entry(path)
    try:
        board = Board.model_validate(content)
    except ValueError as error:
        raise ValueError(f"'{path}' is no board that this version reads: {error}") from error
    return board.model_copy(update={"columns": titled(board.columns)}), facts


def _apart(board: Board, dataset: Dataset, columns: Sequence[Column]) -> str:
    """Return why rows of a board are not comparable with these columns; empty if they are."""
    manifest = dataset.manifest
    if board.dataset_version != manifest.version:
        return (
            f"of version {board.dataset_version} of '{manifest.name}'; the current version is "
            f"{manifest.version}"
        )
    theirs = {column.name: column for column in board.columns if column.scored}
    if why := retired(board.model_dump(mode="json", include={"columns"})):
        return why
    if board.protocol.version != manifest.protocol.version:
        return (
            f"retired, as it is of version {board.protocol.version} of the protocol; the current "
            f"version is {manifest.protocol.version}"
        )
    for column in columns:
        if column.name not in RANKING or not column.scored:
            continue
        if column.name not in theirs:
            return f"it has no {column.name}"
        if unlike := _unlike(theirs[column.name], column):
            return f"{column.name} was scored under another {unlike}"
    return ""


def _impossible(row: Row, board: Board) -> str:
    """Return why a row cannot be right (a value outside a metric's range); empty if it can."""
    for column in board.columns:
        if column.detail or not column.scored:
            continue
        known = metric(column.metric)
        for pair in row.pairs:
            value = pair.values.get(column.name, column.worst)
            if not known.minimum - ROUNDING <= value <= known.maximum + ROUNDING:
                return f"{column.name} {value:.3g} is beyond what the metric can have"
    return ""


def _unlike(theirs: Column, ours: Column) -> str:
    one, other = ((column.version or 0, conditions_of(column)) for column in (theirs, ours))
    return ", ".join(differences(one, other))


def comparable(theirs: Column | None, ours: Column) -> bool:
    """Return whether an entry's column of that name may supply numbers of a column."""
    return theirs is not None and theirs.scored and not _unlike(theirs, ours)


def _named(row: Row, board: Board, label: str, entry: str, tier: str) -> Row:
    block = row.block
    if board.schema_version == 1 and any(name.startswith("unet/") for name in row.weights):
        block = _FAMILY_OF_BEFORE
    return row.model_copy(update={"label": label, "ledger": entry, "tier": tier, "block": block})


def _notes_on(
    why: str, by_entry: Mapping[str, Sequence[Row]], sizes: Mapping[str, int]
) -> Iterator[str]:
    """State which rows are left out for one reason; entries that lose the same rows share a note.

    Rows that were submitted again are only counted if they are of several entries: every board
    replaces those before it, and nothing is wrong with them.

    Args:
        why: The reason.
        by_entry: The rows, by the name of their entry.
        sizes: Number of all rows of an entry.
    """
    if why == AGAIN and len(by_entry) > 1:
        count = sum(map(len, by_entry.values()))
        yield (
            f"Ledger, {len(by_entry)} earlier entries: {count} rows are not shown: {why}. "
            "`smmbench ledger list` lists the entries."
        )
        return
    entries: dict[tuple[str, ...], list[str]] = {}
    for name, rows in by_entry.items():
        if len(rows) == sizes[name] > 1:
            yield f"Ledger, '{name}': its {len(rows)} rows are not shown: {why}."
        else:
            entries.setdefault(tuple(row.label for row in rows), []).append(f"'{name}'")
    for labels, names in entries.items():
        verb = "is" if len(labels) == 1 else "are"
        yield f"Ledger, {' and '.join(names)}: {', '.join(labels)} {verb} not shown: {why}."


def _by_tensors(conditions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name the weights of a text model by their tensors, where they were named by their files.

    This needs the file itself on this machine, which shows that both names mean the same weights.
    """
    model = conditions.get("text_model")
    if not isinstance(model, dict) or "weights" in model.get("weights", {}):
        return conditions
    named = {name: one for name, one in model["weights"].items() if name.endswith(".safetensors")}
    if not named or model.get("text_model") not in offered("smmbench.models"):
        return conditions
    files = weights_files(Path(load_offered("smmbench.models", model["text_model"], "model")()))
    if {file.name: file_sha256(file) for file in files} != named:
        return conditions
    others = {name: one for name, one in model["weights"].items() if name not in named}
    weights = {"weights": tensors_sha256(files)} | others
    return {**conditions, "text_model": {**model, "weights": weights}}
