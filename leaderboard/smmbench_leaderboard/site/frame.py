"""Data of the pages: boards whose rows hold their pairs as columns, and evidence of rows."""

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
    """What the results folder has on one row; empty for a row of the ledger.

    Attributes:
        previews: Pairs that have a preview.
        failures: Message of each failed pair.
        costs: Cost of its pairs, by device.
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
        entry: Path of its ledger entry; empty for a results folder.
        dataset: The dataset, if it is installed.
        evidence: What the results folder has on each row, by label.
        became: Later notices on a row of the ledger, by label; empty while the row is current.
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
        """Name of the ledger entry, without folder and extension."""
        return self.entry.rsplit("/", 1)[-1].removesuffix(".board.xz")

    @property
    def key(self) -> str:
        """Folder of its pages and data: the name of the dataset, then that of the entry."""
        dataset = self.board.dataset
        return slug(f"{dataset}-{self.entry_name}" if self.entry else dataset)

    @property
    def media(self) -> bool:
        """Whether any of its videos has a preview."""
        return any(one.previews for one in self.evidence.values())

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """The pairs that any row has, in the board's order."""
        rows = sorted(self.board.rows, key=lambda row: -len(row.pairs))
        known = {key: None for row in rows for key in columns_of_pairs(row).keys}
        return tuple(known)

    def preview(self, row: Row, place: int) -> str:
        """File of the preview of a pair, by its index in the row; empty if there is none."""
        pairs = columns_of_pairs(row)
        key = pairs.keys[place]
        if self.dataset is None or key not in self.evidence_of(row).previews:
            return ""
        form = clip_form(self.dataset, clip_named(self.dataset, key[0]))
        return preview_name(pairs.hash_of(place), form)

    def prompt(self, clip: str, edit: str) -> str:
        """The prompt of an edit; empty if the dataset is not installed."""
        return self.prompts.get((clip, edit), "")

    @cached_property
    def prompts(self) -> Mapping[tuple[str, str], str]:
        """The prompts of the dataset, by clip and edit; none if it is not installed."""
        if self.dataset is None:
            return {}
        clips = self.dataset.manifest.clips
        return {(clip.name, edit.name): edit.prompt for clip in clips for edit in clip.edits}

    @cached_property
    def sheets(self) -> Mapping[str, Sheet]:
        """Layout of the frames of each clip in its previews; none without the dataset."""
        if self.dataset is None:
            return {}
        dataset = self.dataset
        return {clip.name: sheet_of(clip_form(dataset, clip)) for clip in dataset.manifest.clips}

    def row(self, label: str) -> Row:
        """The row of a method."""
        return next(row for row in self.board.rows if row.label == label)

    def evidence_of(self, row: Row) -> Evidence:
        """What the results folder has on a row."""
        return self.evidence.get(row.label, Evidence())
