"""Conventions that the formula of motion fidelity leaves open; stored with every score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Conventions:
    """Which tracks count, and how each step counts; the defaults are those of motion fidelity.

    A step is still if it is at most `still_threshold` pixels long. A track with only still steps
    has no direction and never counts.

    Attributes:
        moves: Which tracks count: those with `any` step that is not still; those in which at least
            the `share` given below is not still (.5: the median step moves); those whose total
            `path` is longer than the pixels given below; or those whose largest distance from their
            first position exceeds it (`displacement`).
        moving_share: Parameter of the rule `share`, 0 to 1.
        moving_pixels: Parameter of the rules `path` and `displacement`, in pixels over the whole
            clip.
        still: If both tracks of a pair are still in a step, they `agree` (1), count `zero`, or the
            step is `left-out` and the mean is over the other steps. A still step against a moving
            one is always 0. With `zero`, a clip that rests has less than 1 with itself.
        visibility: `ignored`; or `tracks`, where tracks that are visible in too small a share of
            their steps do not count; or `steps`, where in addition a step in which either track is
            invisible is excluded from the mean, and two tracks that share too few visible steps
            count 0. A step is visible if both its ends are.
        visible_share: Smallest share of visible steps, 0 to 1.
    """

    moves: Literal["any", "share", "path", "displacement"] = "share"
    moving_share: float = 0.4
    moving_pixels: float = 4.0
    still: Literal["agree", "zero", "left-out"] = "agree"
    visibility: Literal["ignored", "tracks", "steps"] = "ignored"
    visible_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("moving_share", "visible_share"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"`{name}` is a share, from 0 to 1, got {share}.")
        if not self.moving_pixels >= 0:
            raise ValueError(f"`moving_pixels` is 0 or more, got {self.moving_pixels}.")
