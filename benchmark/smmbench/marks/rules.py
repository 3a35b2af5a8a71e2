"""The marks: measurements of every output, and the thresholds beyond which a pair is marked.

A metric states how well an output moves; a mark states that this number cannot be trusted. A marked
pair counts as the worst on motion. Thresholds were set on validation clips with a documented
command: see `datasets/docs/gaming.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from smmbench.marks.glance import Glance, at_a_glance
from smmbench.marks.moved_source import moved_picture, moved_source
from smmbench.marks.moving_structure import moving_structure
from smmbench.marks.source_share import picture_share, source_share
from smmbench.marks.thumbnails import Frames


@dataclass(frozen=True)
class Rule:
    """One mark.

    Attributes:
        name: Its stored name.
        version: Incremented whenever the same video would get another value or another verdict.
        title: Its title in tables.
        says: Description of a marked video, which completes the sentence "The output ...".
        measure: Maps source and output, as frames of one form or as glances, to a number; a
            `ValueError` states why there is none.
        threshold: See `side`.
        side: The side of the threshold on which a video is marked.
    """

    name: str
    version: int
    title: str
    says: str
    measure: Callable[[Frames | Glance, Frames | Glance], float]
    threshold: float
    side: Literal["above", "below"]

    def marks(self, value: float) -> bool:
        """Whether a video with this value is marked."""
        return value > self.threshold if self.side == "above" else value < self.threshold


MOVING_STRUCTURE = Rule(
    name="moving_structure",
    version=1,
    title="Moving structure",
    says="shows a picture that stays in place under what changes, or changes too little to be seen",
    measure=moving_structure,
    threshold=0.05,
    side="below",
)

SOURCE_SHARE = Rule(
    name="source_share",
    version=1,
    title="Source shows through",
    says="moves by showing the source itself, filtered or faded",
    measure=source_share,
    threshold=0.96,
    side="above",
)

MOVED_SOURCE = Rule(
    name="moved_source",
    version=1,
    title="Moved source",
    says="moves by showing the source itself, mirrored, delayed, played backwards, or elsewhere",
    measure=moved_source,
    threshold=0.96,
    side="above",
)

RULES = (MOVING_STRUCTURE, SOURCE_SHARE, MOVED_SOURCE)

MARKED_SHARE = 0.2
"""A row with a larger share of marked pairs has no star, no place on the Pareto front and no
rank."""

COPIED_PICTURE = 0.95
"""Minimum `picture_share` or `moved_picture` of a near-copy, whose change is the source's too."""


def is_near_copy(source: Frames, output: Frames) -> bool:
    """Whether an output is its source up to filters, new colours and a move of the whole."""
    ours, theirs = at_a_glance(source), at_a_glance(output)
    return (
        SOURCE_SHARE.marks(source_share(ours, theirs))
        and picture_share(ours, theirs) > COPIED_PICTURE
    ) or (
        MOVED_SOURCE.marks(moved_source(ours, theirs))
        and moved_picture(ours, theirs) > COPIED_PICTURE
    )
