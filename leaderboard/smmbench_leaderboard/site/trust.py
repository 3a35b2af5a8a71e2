"""How far a row's numbers can be trusted, by who made its videos and who computed its scores."""

from __future__ import annotations

from dataclasses import dataclass

from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.ledger.tiers import TIERS as PUBLISHED


@dataclass(frozen=True)
class Tier:
    """One tier.

    Attributes:
        name: Name that is shown.
        says: Its meaning, in a sentence.
        level: 1 to 4; a higher level requires less trust.
    """

    name: str
    says: str
    level: int


RUN_HERE = Tier(
    "run here",
    "This tool generated the videos from recorded code, parameters and weights, and scored them.",
    3,
)
SCORED_HERE = Tier(
    "scored here",
    "The videos were made elsewhere and imported; the scores were computed from them here.",
    2,
)
OF_LEDGER = {
    name: Tier(name, f"Published: {says}.", level)
    for level, (name, says) in enumerate(PUBLISHED.items(), start=1)
}
TIERS = (RUN_HERE, SCORED_HERE, *reversed(OF_LEDGER.values()))


def tier_of(row: Row) -> Tier:
    """Return the tier of a row; for a published row, that of its entry and later notices."""
    if row.tier:
        return OF_LEDGER[row.tier]
    return SCORED_HERE if row.imported else RUN_HERE
