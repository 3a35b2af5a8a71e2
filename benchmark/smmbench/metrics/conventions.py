"""What the formula of motion fidelity leaves open, as a value that is stored with every score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Conventions:
    """Which tracks count, and what each of their steps counts; the defaults are the headline's.

    A step is still if it is at most `still_threshold` pixels long. A track without any other step
    has no direction and never counts, whatever the rule.

    Attributes:
        moves: Which tracks count: those with `any` step that is not still; those of which at least
            the `share` given below is not still (.5: the median step moves); those whose `path`
            is longer than the pixels given below in all; those that come further than that from
            where they began (`displacement`).
        moving_share: Of the rule `share`, 0 to 1.
        moving_pixels: Of the rules `path` and `displacement`, pixels in the whole clip.
        still: Where both tracks of a pair stand still in a step, they `agree` (1), count `zero`,
            or the step is `left-out` and the mean is over the other steps. A still step against
            a moving one is 0 in any case. With `zero` a clip that rests has less than 1 with
            itself.
        visibility: `ignored`; or tracks that are seen in too small a share of their steps do not
            count (`tracks`); or besides that a step in which either track is unseen is left out
            of the mean (`steps`), and two tracks that share too few seen steps count 0. A step
            is seen if both its ends are visible.
        visible_share: Smallest share of seen steps, 0 to 1.
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
