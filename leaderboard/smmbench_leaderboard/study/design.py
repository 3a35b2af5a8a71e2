"""The design of a study: who sees which comparison, on which side, in which order.

All cells (two methods on one item) are dealt like cards: every cell once before any cell again. A
form is what one rater sees. Sides are random and balanced over each cell; checks with a known
answer are at random positions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

Check = Literal["card", "still"]
"""`card`: one side asks in words to be chosen. `still`: one side is the source itself and the other
its first frame, for questions of motion."""


@dataclass(frozen=True)
class Cell:
    """Two methods on one item, in the order of the study's methods."""

    item: str
    one: str
    other: str


@dataclass(frozen=True)
class Shown:
    """One choice as a rater sees it.

    Attributes:
        cell: The compared cell; None for a check.
        item: Item whose source and prompt are shown.
        a: Label on side A; for a check, `right` or `wrong`.
        b: Label on side B.
        check: Kind of a check; empty for a comparison.
    """

    cell: Cell | None
    item: str
    a: str
    b: str
    check: Check | Literal[""] = ""


def cells_of(
    methods: Sequence[str], videos: dict[str, frozenset[str]]
) -> tuple[list[Cell], list[Cell]]:
    """Return all cells with both videos, and those that lack one.

    Args:
        methods: Labels of the methods.
        videos: By item, the methods that have a video.
    """
    every = [Cell(item, one, other) for item in videos for one, other in combinations(methods, 2)]
    there = [cell for cell in every if {cell.one, cell.other} <= videos[cell.item]]
    return there, [cell for cell in every if cell not in set(there)]


def deal(
    cells: Sequence[Cell],
    forms: int,
    trials: int,
    checks: Sequence[Check],
    seed: int,
) -> list[list[Shown]]:
    """Deal all forms of a study.

    Args:
        cells: Cells that can be compared.
        forms: Number of forms, one per rater.
        trials: Number of comparisons per form, without checks.
        checks: Kind of each check of a form.
        seed: Seed of all random choices.

    Raises:
        ValueError: There are fewer cells than trials, so a rater would see one twice.
    """
    if trials > len(cells):
        raise ValueError(
            f"A form of {trials} trials needs as many comparisons; there are {len(cells)}. Use "
            "--trials with a smaller number, or more pairs."
        )
    rng = np.random.default_rng(seed)
    first_left = {cell: bool(rng.integers(2)) for cell in cells}
    shown: dict[Cell, int] = defaultdict(int)
    items = sorted({cell.item for cell in cells})
    deck: list[Cell] = []
    dealt = []
    for _ in range(forms):
        hand: list[Cell] = []
        while len(hand) < trials:
            if not any(cell not in hand for cell in deck):
                deck += [cells[i] for i in rng.permutation(len(cells))]
            place = next(i for i, cell in enumerate(deck) if cell not in hand)
            hand.append(deck.pop(place))
        form = []
        for cell in hand:
            swapped = first_left[cell] ^ bool(shown[cell] % 2)
            shown[cell] += 1
            a, b = (cell.other, cell.one) if swapped else (cell.one, cell.other)
            form.append(Shown(cell, cell.item, a, b))
        for check in checks:
            sides = ("right", "wrong") if rng.integers(2) else ("wrong", "right")
            form.append(Shown(None, items[rng.integers(len(items))], *sides, check))
        dealt.append([form[i] for i in rng.permutation(len(form))])
    return dealt
