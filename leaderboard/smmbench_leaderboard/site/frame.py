"""What the pages show: boards whose rows hold their pairs as columns, and what belongs to rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from smmbench.dataset import Dataset, clip_form, clip_named
from smmbench.scoring.counting import Key
from smmbench_leaderboard.board.types import Board, Row
from smmbench_leaderboard.site.cost import DeviceCost
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pair_columns import columns_of_pairs
from smmbench_leaderboard.site.previews import Sheet, preview_name, sheet_of


@dataclass(frozen=True)
class Evidence:
    """What lies on disk of one row; empty for a row of the ledger.

    Attributes:
        previews: Pairs that have a preview.
        failures: Message of each failed pair.
        costs: What its pairs cost, by device.
        scored_here: Whether its scores were computed from its videos in these results.
    """

    previews: frozenset[Key] = frozenset()
    failures: Mapping[Key, str] = field(default_factory=dict)
    costs: tuple[DeviceCost, ...] = ()
    scored_here: bool = False


@dataclass(frozen=True)
class SiteBoard:
    """One board of the site.

    Attributes:
        board: The board; its rows hold their pairs as `PairColumns`.
        entry: Path of the ledger's entry that it is of; empty for a results folder.
        dataset: The dataset, where it is installed.
        evidence: What lies on disk of each row, by label.
        became: What became of a row of the ledger since, by label; empty where it stands.
        sources: File of the preview of each clip's source.
    """

    board: Board
    entry: str = ""
    dataset: Dataset | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    became: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def entry_name(self) -> str:
        """Name of the ledger's entry, without folder and ending."""
        return self.entry.rsplit("/", 1)[-1].removesuffix(".board.xz")

    @property
    def key(self) -> str:
        """Folder of its pages and data: the dataset's, and the entry's after it."""
        dataset = self.board.dataset
        return slug(f"{dataset}-{self.entry_name}" if self.entry else dataset)

    @property
    def media(self) -> bool:
        """Whether some video of it can be seen."""
        return any(one.previews for one in self.evidence.values())

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """The pairs that any row has, in the board's order."""
        rows = sorted(self.board.rows, key=lambda row: -len(row.pairs))
        known = {key: None for row in rows for key in columns_of_pairs(row).keys}
        return tuple(known)

    def preview(self, row: Row, place: int) -> str:
        """File of the preview of a pair, by its place in the row; empty if there is none."""
        pairs = columns_of_pairs(row)
        key = pairs.keys[place]
        if self.dataset is None or key not in self.evidence_of(row).previews:
            return ""
        form = clip_form(self.dataset, clip_named(self.dataset, key[0]))
        return preview_name(pairs.hash_of(place), form)

    def prompt(self, clip: str, edit: str) -> str:
        """The prompt of an edit; empty where the dataset is not installed."""
        return self.prompts.get((clip, edit), "")

    @cached_property
    def prompts(self) -> Mapping[tuple[str, str], str]:
        """The prompts of the dataset, by clip and edit; none where it is not installed."""
        if self.dataset is None:
            return {}
        clips = self.dataset.manifest.clips
        return {(clip.name, edit.name): edit.prompt for clip in clips for edit in clip.edits}

    @cached_property
    def sheets(self) -> Mapping[str, Sheet]:
        """How the frames of each clip lie in its previews; none without the dataset."""
        if self.dataset is None:
            return {}
        dataset = self.dataset
        return {clip.name: sheet_of(clip_form(dataset, clip)) for clip in dataset.manifest.clips}

    def row(self, label: str) -> Row:
        """The row of a method."""
        return next(row for row in self.board.rows if row.label == label)

    def evidence_of(self, row: Row) -> Evidence:
        """What lies on disk of a row."""
        return self.evidence.get(row.label, Evidence())
