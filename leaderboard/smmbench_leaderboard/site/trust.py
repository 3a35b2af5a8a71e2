"""How far a row's numbers can be trusted, by who made its videos and who computed its scores."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.site.frame import SiteBoard


@dataclass(frozen=True)
class Tier:
    """One tier.

    Attributes:
        name: As it is shown.
        says: What it means, a sentence.
        level: 1 to 3; a higher one takes less on faith.
    """

    name: str
    says: str
    level: int


RUN_HERE = Tier(
    "run here",
    "This tool made the videos from recorded code, parameters and weights, and scored them.",
    3,
)
SCORED_HERE = Tier(
    "scored here",
    "The videos were made elsewhere and imported; the scores were computed from them here.",
    2,
)
LISTED = Tier(
    "ledger",
    "An entry of the ledger: its numbers, hashes and conditions are kept and chained, its videos "
    "are not on this site.",
    2,
)
TIERS = (RUN_HERE, SCORED_HERE, LISTED)


def tier_of(board: SiteBoard, row: Row) -> Tier:
    """The tier of a row. No tier is of numbers that a submitter only states: they have no row."""
    if row.imported:
        return SCORED_HERE
    return LISTED if board.entry else RUN_HERE
