"""Trust tiers: who generated the videos of a published row, and who computed its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Tier = Literal["self-reported", "recomputed", "regenerated", "organisers"]

TIERS: Mapping[Tier, str] = {
    "self-reported": "its numbers are those of the submitter",
    "recomputed": "its numbers were recomputed from the submitter's videos",
    "regenerated": "its videos were regenerated from the submitter's code, and scored",
    "organisers": "generated and scored by the organisers",
}
"""Every tier with its meaning, from the least to the most trusted."""

LOWEST: Tier = "self-reported"
OF_ORGANISERS: frozenset[Tier] = frozenset({"regenerated", "organisers"})
"""Tiers that only the organisers can assign; an entry names the organiser."""
