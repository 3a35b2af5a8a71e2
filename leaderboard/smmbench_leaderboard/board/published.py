"""Rows of a ledger next to your own: read, checked for comparability, and never run again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
from smmbench_leaderboard.board.columns import RANKING
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
"""What the label of a published row begins with where it stands beside rows of one's own."""

ROUNDING = 1e-6  # by which a value may miss the range of its metric
_FAMILY_OF_BEFORE = "unet-3d, text"
"""Block of a row of schema version 1 that loaded a network: there was no other then."""


@dataclass(frozen=True)
class Published:
    """One row of one entry.

    Attributes:
        row: As it was published, with its entry and trust tier.
        board: The board that it stood in.
    """

    row: Row
    board: Board

    @property
    def attempted(self) -> frozenset[Key]:
        """Pairs that it was run on."""
        return frozenset(key_of(pair) for pair in self.row.pairs if pair.status != "missing")


@dataclass(frozen=True)
class PublishedRows:
    """Rows of a ledger that one board can hold, and a sentence on each that it cannot."""

    rows: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the rows, as the board has them."""
        return tuple(one.row.label for one in self.rows)

    def chosen(self, methods: Collection[str] = (), exclude: Collection[str] = ()) -> PublishedRows:
        """Keep the rows that are named, or all but those excluded."""
        kept = set(self.labels) & set(methods or self.labels) - {*exclude}
        return replace(self, rows=tuple(one for one in self.rows if one.row.label in kept))


def key_of(pair: Pair) -> Key:
    """The pair of clip, edit and seed."""
    return pair.clip, pair.edit, pair.seed


def read_published(
    folder: Path, dataset: Dataset, columns: Sequence[Column] = (), mark: str = MARK
) -> PublishedRows:
    """Read the rows of a ledger that can stand beside scores of these columns.

    A row that was withdrawn or corrected is left out, and so is one of another version of the
    dataset, of a metric's older version, or scored under other conditions; each is said. Of
    several entries of one label the newest counts; the others are said too.

    Args:
        folder: Of the ledger.
        dataset: The dataset.
        columns: What one's own rows were scored under; none for the newest entry's.
        mark: What each label begins with.

    Raises:
        ValueError: An entry is not readable.
    """
    notices = notices_of(folder)
    rows: dict[str, Published] = {}
    notes: list[str] = []
    for path in reversed(in_order(folder)):
        if path.parent.name != dataset.manifest.name or not path.name.endswith(".board.xz"):
            continue
        name = path.relative_to(folder).as_posix()
        board, facts = read_published_board(path)
        apart = _apart(board, dataset, columns)
        fallen: dict[str, list[str]] = {}  # labels by the reason why they are not shown
        for row in board.rows:
            label = mark + row.label
            again = "submitted again since" if label in rows else ""
            stands = standing(folder, name, row.label, notices)
            if why := stands or apart or _impossible(row, board) or again:
                fallen.setdefault(why, []).append(row.label)
            else:
                tier = tier_of(name, row.label, facts, notices)
                rows[label] = Published(_named(row, board, label, name, tier), board)
        columns = columns or (() if apart else board.columns)
        notes += [
            f"Ledger, '{name}': {_some(labels, board)} not shown: {why}."
            for why, labels in fallen.items()
        ]
    return PublishedRows(tuple(rows.values()), tuple(notes))


def conditions_of(column: Column) -> Any:
    """What a column was scored under, in the words of today: equal if it is the same."""
    return with_ranges(_by_tensors(column.conditions))


def read_published_board(path: Path) -> tuple[Board, EntryFacts]:
    """The board of an entry, and what the entry says of itself.

    Raises:
        ValueError: It is no entry, or its board is of a version that is not known here.
    """
    content, facts = read_entry(path)
    try:
        return Board.model_validate(content), facts
    except ValueError as error:
        raise ValueError(f"'{path}' is no board that this version reads: {error}") from error


def _apart(board: Board, dataset: Dataset, columns: Sequence[Column]) -> str:
    """Why rows of a board cannot stand beside these columns, in words; empty if they can."""
    manifest = dataset.manifest
    if board.dataset_version != manifest.version:
        return (
            f"of version {board.dataset_version} of '{manifest.name}'; here is "
            f"version {manifest.version}"
        )
    theirs = {column.name: column for column in board.columns if column.scored}
    if why := retired(board.model_dump(mode="json", include={"columns"})):
        return why
    if board.protocol.version != manifest.protocol.version:
        return (
            f"retired, as it is of version {board.protocol.version} of the protocol; here is "
            f"version {manifest.protocol.version}"
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
    """Why a row cannot be right, in words: a value that its metric cannot have; empty if it can."""
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
    """Whether numbers of a column may be taken from an entry's column of that name."""
    return theirs is not None and theirs.scored and not _unlike(theirs, ours)


def _named(row: Row, board: Board, label: str, entry: str, tier: str) -> Row:
    block = row.block
    if board.schema_version == 1 and any(name.startswith("unet/") for name in row.weights):
        block = _FAMILY_OF_BEFORE
    return row.model_copy(update={"label": label, "ledger": entry, "tier": tier, "block": block})


def _some(labels: Sequence[str], board: Board) -> str:
    """The subject and verb of a sentence on some rows of a board."""
    if len(labels) == len(board.rows) > 1:
        return f"its {len(labels)} rows are"
    return f"{', '.join(labels)} {'is' if len(labels) == 1 else 'are'}"


def _by_tensors(conditions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name the weights of a text model by their tensors, where they were named by their files.

    Only where that very file is here: then both names are known to be of the same weights.
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
