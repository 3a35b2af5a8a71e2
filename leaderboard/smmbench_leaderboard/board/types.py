"""The board as a self-contained value, independent of the results it was made from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
)

from smmbench.dataset import Protocol
from smmbench.importing.importer import ENTRY
from smmbench.method import Card
from smmbench.results import Stored
from smmbench_leaderboard.ledger.tiers import Tier

BOARD_SCHEMA = 2  # in version 1, ranks are single numbers, and equals have different ranks
LATER = frozenset(
    {"backbone", "original", "values", "tuned"}
    | {"family", "input_contract", "authors", "contact", "seen", "approved_by"}
)
"""Facts of a card that older boards lack; written only if they are not empty."""
LATER_OF_ROWS = frozenset({"partial", "block", "ledger", "tier", "selectivity"})
"""Facts of a row that older boards lack."""

LATER_OF_PAIRS = frozenset({"marks", "batch"})
"""Facts of a pair that older boards lack."""

Rank = tuple[int, int] | int
"""Best and worst rank that the data allow; one number in a board of schema version 1."""

Scope = Literal["full", "shared"]
Status = Literal["done", "failed", "missing", "unscored"]


class Column(Stored):
    """A number that every row has.

    Attributes:
        name: Name of the column: that of a metric, or of one of its details.
        metric: The metric that computes it.
        detail: Key in the score's details; empty for the score itself.
        title: Title of the column.
        worst: Value of a pair without a number; scores of unrelated motion omit such pairs instead.
        version: Version of the metric; None if no row has a number of it.
        conditions: Conditions of every score of the column: weights, tracker, ...
    """

    name: str
    metric: str
    detail: str
    title: str
    worst: float
    version: int | None = None
    conditions: dict[str, Any] = Field(default_factory=dict)

    @property
    def scored(self) -> bool:
        """Whether any row has a number; only then do missing ones count as worst."""
        return self.version is not None


class Pair(Stored):
    """One clip with one prompt and one seed, in one row.

    `values` is by column name. It omits columns in which the row has no number, and scores of
    unrelated motion of pairs without a video. `marks` names the rules by which the motion score is
    not accepted: a method's marked pair has the worst values on motion. `batch` is the number of
    pairs that were generated together; on a GPU, another number rounds differently.
    """

    clip: str
    edit: str
    seed: int
    status: Status
    failure: str = ""  # kind of failure
    pixels_sha256: str = ""
    values: dict[str, float]
    marks: tuple[str, ...] = ()
    batch: int = 1

    @model_serializer(mode="wrap")
    def _without_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, write(self), LATER_OF_PAIRS)


class Cell(Stored):
    """Mean over all pairs of the scope, with failed and missing ones counted as worst.

    Attributes:
        mean: The mean; None in a column without any number, and for an auxiliary metric that was
            not computed for this method.
        interval: 95 % interval over source clips, within the metric's range; None with one clip.
        rank: The ranks that the data allow, 1 is best; those of a column hold simultaneously at
            the board's level. None for controls, partial rows, rows without a video, on one clip,
            and in columns that do not rank.
    """

    mean: float | None
    interval: tuple[float, float] | None
    rank: Rank | None = None


class Selective(Stored):
    """How closely a method's videos follow the given motion instead of another reference.

    Attributes:
        mean: Mean of S over pairs. Copies of the references have 1, and a method that ignores its
            reference has 0; a pair that failed with one of them counts as 0.
        interval: 95 % interval over source clips; None with one clip.
        pairs: Number of pairs that were attempted with both references, on clips that count.
        failed: Number of these pairs that failed with one of the references.
        clips: Number of clips that count.
        left_out: Number of clips whose two references are nearly the same motion.
    """

    mean: float
    interval: tuple[float, float] | None
    pairs: int
    failed: int
    clips: int
    left_out: tuple[str, ...] = ()


class Coverage(Stored):
    """How many pairs of the scope a method covers."""

    expected: int
    done: int
    unscored: int  # part of `done`: the video exists, but its scores do not
    failed: dict[str, int]  # by kind of failure
    missing: int
    of_dataset: int  # pairs of the whole dataset that it attempted

    @property
    def partial(self) -> bool:
        """Whether some pairs count as worst."""
        return self.done - self.unscored < self.expected


class Row(Stored):
    """One method."""

    label: str
    card: Card
    entry: str
    parameters: dict[str, Any]
    parameters_sha256: str
    weights: dict[str, str]
    devices: tuple[str, ...]
    packages: dict[str, tuple[str, ...]]  # package versions that generated the videos
    records_sha256: str  # of the record files' hashes, in the order of pairs
    coverage: Coverage
    cells: dict[str, Cell]  # by column name
    seconds: float | None  # per pair, with its share of the clip's preparation; None: not measured
    peak_gib: float | None
    pareto: bool  # on the front of text and motion; only rows that have ranks are
    pairs: tuple[Pair, ...]
    block: str = (
        ""  # backbone family and input contract; rows of two blocks are not ranked together
    )
    partial: bool = False  # lacks pairs of the board and is listed separately
    ledger: str = ""  # path of its ledger entry; empty for a local row
    tier: Tier | Literal[""] = ""  # trust tier of a published row; empty for a local row
    selectivity: dict[str, Selective] = Field(default_factory=dict)  # by the other reference

    @field_serializer("card")
    def _facts(self, card: Card) -> dict[str, str]:
        blank = asdict(Card(title=""))
        return {
            name: fact
            for name, fact in asdict(card).items()
            if name not in LATER or fact != blank[name]
        }

    @model_serializer(mode="wrap")
    def _without_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, write(self), LATER_OF_ROWS)

    @property
    def control(self) -> bool:
        """Whether this row has a known expected score and does not compete."""
        return self.card.kind == "control"

    @property
    def marked_share(self) -> float:
        """Share of marked pairs, 0 to 1."""
        return sum(bool(pair.marks) for pair in self.pairs) / len(self.pairs) if self.pairs else 0.0

    @property
    def imported(self) -> bool:
        """Whether its videos were generated elsewhere and imported."""
        return self.card.kind == "imported" or self.entry == ENTRY


class Bootstrap(Stored):
    """Settings of the bootstrap that the intervals come from."""

    seed: int = 0
    resamples: int = 10_000
    level: float = 0.95


class Board(Stored):
    """All rows of one dataset, under one protocol."""

    schema_version: int = BOARD_SCHEMA
    smmbench: str  # version of smmbench that made the board
    dataset: str
    dataset_version: int
    manifest_sha256: str
    protocol: Protocol
    scope: Scope
    clips: int
    pairs: int  # in the scope
    dataset_pairs: int  # in the whole dataset
    bootstrap: Bootstrap
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]  # competitors, the front first, then controls; partial rows last
    notes: tuple[str, ...]


def _without_defaults(
    stored: Stored, written: dict[str, Any], later: frozenset[str]
) -> dict[str, Any]:
    """Leave out empty facts that older boards do not have."""
    fields = type(stored).model_fields
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in later}
    # What was written may be of another type: a tuple is a list in JSON.
    return {
        k: v for k, v in written.items() if k not in defaults or getattr(stored, k) != defaults[k]
    }
