"""Selection of the clips and edits of a fixed set: held out from training, and evenly distributed.

A triple is an object, a scene and a motion. Every source's triple belongs to the set's own split,
and so does every edit's: target object and target scene with the motion of the source. Neither the
clip nor its ideal output therefore occurred in training.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Literal

import torch

from smmbench_datasets.emoji.motions import TRAINED
from smmbench_datasets.emoji.world import SPLITS, Split, World, split_of

Pair = tuple[int, int]  # an object and a scene
Kind = Literal["object", "scene", "both"]
# Shapes that are as different as possible. A set has each of these if its split allows.
DRASTIC: dict[str, str] = {"dog": "dolphin", "giraffe": "ball"}

# Each scene is used this much more often than an object, so each use of one weighs less.
_SCENE_WEIGHT = len(World.scenes) / len(World.objects)


@dataclass(frozen=True)
class Target:
    """What an edit asks for, by index."""

    object: int
    scene: int
    kind: Kind


@dataclass(frozen=True)
class Choice:
    """One source clip by its indices, with its edits."""

    object: int
    scene: int
    motion: int
    targets: tuple[Target, ...]


class Selection:
    """Chooses clips one by one, least used objects and scenes first; a seed breaks ties.

    Args:
        split: Split to which all triples must belong.
        seed: Seed of the selection.
    """

    def __init__(self, split: Split, seed: int) -> None:
        self._random = random.Random(seed)
        kinds = (len(World.objects), len(World.scenes), len(TRAINED))
        triples = torch.cartesian_prod(*(torch.arange(count) for count in kinds))
        kept = triples[split_of(*triples.unbind(1)) == SPLITS.index(split)]
        self._held: dict[int, list[Pair]] = {m: [] for m in range(len(TRAINED))}
        for o, s, m in kept.tolist():
            self._held[m].append((o, s))
        self._sources: Counter[str] = Counter()
        self._targets: Counter[str] = Counter()

    def choose(self, motion: int, last: Literal["object", "scene"]) -> Choice:
        """Choose a source of this motion, two targets of kind "both" and one of kind `last`.

        Raises:
            ValueError: The split is too small.
        """
        for o, s in self._in_turn(self._held[motion], self._sources, first=DRASTIC):
            targets = self._targets_of(o, s, motion, last)
            if targets is not None:
                _count(self._sources, o, s)
                for target in targets:
                    _count(self._targets, target.object, target.scene)
                return Choice(o, s, motion, targets)
        raise ValueError(f"No source is left for the motion '{World.motions[motion]}'.")

    def _targets_of(
        self, o: int, s: int, motion: int, last: Literal["object", "scene"]
    ) -> tuple[Target, ...] | None:
        """Return three targets, or None if the split does not contain them."""
        held, partner = self._held[motion], DRASTIC.get(World.objects[o])
        others = [(a, b) for a, b in held if a != o and b != s]
        wanted = [(a, b) for a, b in others if partner in (None, World.objects[a])]
        for first in self._in_turn(wanted, self._targets):
            rest = [(a, b) for a, b in others if a != first[0] and b != first[1]]
            if last == "object":
                third = [(a, b) for a, b in held if a not in (o, first[0]) and b == s]
            else:
                third = [(a, b) for a, b in held if a == o and b not in (s, first[1])]
            for second in self._in_turn(rest, self._targets):
                for end in self._in_turn(third, self._targets):
                    if end[0] != second[0] and end[1] != second[1]:
                        return (
                            Target(*first, "both"),
                            Target(*second, "both"),
                            Target(*end, last),
                        )
        return None

    def _in_turn(
        self, pairs: Iterable[Pair], used: Counter[str], first: Container[str] = ()
    ) -> list[Pair]:
        """Pairs of object and scene, those with the least used parts first.

        An unused object whose name is in `first` precedes all others.
        """

        def place(pair: Pair) -> tuple[bool, float, float]:
            uses, scene_uses = used[f"object {pair[0]}"], used[f"scene {pair[1]}"]
            urgent = not uses and World.objects[pair[0]] in first
            return not urgent, uses + scene_uses * _SCENE_WEIGHT, self._random.random()

        return sorted(pairs, key=place)


def _count(used: Counter[str], object: int, scene: int) -> None:
    used[f"object {object}"] += 1
    used[f"scene {scene}"] += 1


def choose_clips(split: Split, clips_per_motion: int, seed: int) -> list[Choice]:
    """Choose a whole set; the kind of the third edit alternates from clip to clip.

    Raises:
        ValueError: The split is too small.
    """
    selection = Selection(split, seed)
    motions = [m for m in range(len(TRAINED)) for _ in range(clips_per_motion)]
    return [
        selection.choose(m, "scene" if index % 2 else "object") for index, m in enumerate(motions)
    ]
