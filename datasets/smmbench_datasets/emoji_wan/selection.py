"""Selection of the clips and edits of `emoji-wan`'s fixed sets: held out, graded, and balanced.

Sources show one object in its natural colour and size. Each has two edits. Of the four clips of a
family of motion, the first changes the object and adds a second one, the next changes object and
scene and then the colour, the next the scene and then the number, the last object and scene and
then the size (or the colour, if the motion itself is a change of size). The kinds of edits require
very different fractions of the picture to change, so a method that repaints too little or too much
loses on some of them.

A triple is an object, a scene and a motion; a tenth of them each is kept for validation and test
(`smmbench_datasets.emoji.sampling.split_of`) and never occurs in training, with any attribute.
Source and edits of a set belong to the set's own split.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch

from smmbench_datasets.emoji.sampling import SPLITS, Split, split_of
from smmbench_datasets.emoji_wan.captions import (
    COLOURS,
    LARGE,
    MOTIONS,
    OBJECTS,
    PLAIN,
    SCENES,
    SECOND,
    SMALL,
    TWO,
)
from smmbench_datasets.emoji_wan.world import SIZED, Renderer

Kind = Literal["object", "scene", "both", "colour", "size", "number", "second"]
Pair = tuple[int, int]  # an object and a scene
# For the first, second, third and fourth clip of each family of motion.
EDITS: tuple[tuple[Kind, Kind], ...] = (
    ("object", "second"),
    ("both", "colour"),
    ("scene", "number"),
    ("both", "size"),
)
CLEAR = 0.22  # mean distance of colours (RGB, 0 to 1) above which a sprite looks recoloured
_SCENE_WEIGHT = len(SCENES) / len(OBJECTS)  # a scene is used this much more often


@dataclass(frozen=True)
class Target:
    """What an edit asks for, by index; the motion is the source's."""

    object: int
    scene: int
    attribute: int
    kind: Kind


@dataclass(frozen=True)
class Choice:
    """A source clip by its indices, with its edits."""

    object: int
    scene: int
    motion: int
    targets: tuple[Target, Target]


class Selection:
    """Chooses clips one by one, least used objects and scenes first; a seed breaks ties.

    Args:
        split: Split to which every triple must belong.
        seed: Seed of the selection.
    """

    def __init__(self, split: Split, seed: int) -> None:
        self._random = random.Random(seed)
        kinds = (len(OBJECTS), len(SCENES), len(MOTIONS))
        triples = torch.cartesian_prod(*(torch.arange(count) for count in kinds))
        kept = triples[split_of(*triples.unbind(1)) == SPLITS.index(split)]
        self._held: dict[int, list[Pair]] = {m: [] for m in range(len(MOTIONS))}
        for o, s, m in kept.tolist():
            self._held[m].append((o, s))
        self._used: Counter[str] = Counter()

    def choose(self, motion: int, kinds: tuple[Kind, Kind]) -> Choice:
        """Choose a source of this motion with edits of these kinds.

        Raises:
            ValueError: The split is too small.
        """
        if motion in SIZED:
            kinds = tuple("colour" if k == "size" else k for k in kinds)  # type: ignore[assignment]
        for o, s in self._in_turn(self._held[motion], "source"):
            found = [self._target(o, s, motion, kind) for kind in kinds]
            if all(target is not None for target in found):
                first, second = (target for target in found if target is not None)
                for target in (first, second):
                    self._count(target.object, target.scene, "target")
                    self._used[f"attribute {target.attribute}"] += 1
                self._count(o, s, "source")
                return Choice(o, s, motion, (first, second))
        raise ValueError(f"No source is left for the motion '{tuple(MOTIONS)[motion]}'.")

    def _target(self, o: int, s: int, motion: int, kind: Kind) -> Target | None:
        """The edit itself, or None if the split does not contain one."""
        held = self._held[motion]
        match kind:
            case "object":
                pairs = [(a, b) for a, b in held if a != o and b == s]
            case "scene":
                pairs = [(a, b) for a, b in held if a == o and b != s]
            case "both":
                pairs = [(a, b) for a, b in held if a != o and b != s]
            case _:
                attribute = self._attribute(o, kind)
                return None if attribute is None else Target(o, s, attribute, kind)
        pairs = self._in_turn(pairs, "target")
        return Target(*pairs[0], PLAIN, kind) if pairs else None

    def _attribute(self, o: int, kind: Kind) -> int | None:
        options: list[int] = {
            "colour": [1 + c for c in range(len(COLOURS)) if clearly_recoloured(o, c)],
            "size": [SMALL, LARGE],
            "number": [TWO],
            "second": [SECOND + k for k in range(len(OBJECTS)) if k != o],
        }[kind]
        key = {a: (self._used[f"attribute {a}"], self._random.random()) for a in options}
        return min(options, key=key.__getitem__, default=None)

    def _in_turn(self, pairs: list[Pair], role: str) -> list[Pair]:
        """Pairs of object and scene, those with the least used parts first."""

        def place(pair: Pair) -> tuple[float, float]:
            uses, scene_uses = (
                self._used[f"{role} object {pair[0]}"],
                self._used[f"{role} scene {pair[1]}"],
            )
            return uses + scene_uses * _SCENE_WEIGHT, self._random.random()

        return sorted(pairs, key=place)

    def _count(self, object: int, scene: int, role: str) -> None:
        self._used[f"{role} object {object}"] += 1
        self._used[f"{role} scene {scene}"] += 1


@cache
def clearly_recoloured(object: int, colour: int) -> bool:
    """Whether an object in that colour differs from its natural look: no red ladybug."""
    sprites = Renderer().sprites
    natural, tinted = sprites[object], sprites[(1 + colour) * len(OBJECTS) + object]
    distance = (natural[:3] - tinted[:3]).abs().sum() / 3 / natural[3].sum()
    return bool(distance >= CLEAR)


def choose_clips(split: Split, clips_per_motion: int, seed: int) -> list[Choice]:
    """Choose a whole set; with fewer than four clips per family, the kinds rotate over families.

    Raises:
        ValueError: The split is too small.
    """
    selection = Selection(split, seed)
    return [
        selection.choose(motion, EDITS[(k if clips_per_motion > 1 else motion) % len(EDITS)])
        for motion in range(len(MOTIONS))
        for k in range(clips_per_motion)
    ]
