"""The selection and the order of a run's pairs of clip and prompt, with their seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from smmbench.dataset import Clip, Edit, Manifest
from smmbench.plugins import no_such
from smmbench.results.sharding import parse_shard


@dataclass(frozen=True)
class Pair:
    """One clip, one of its target prompts, one seed: one video to make."""

    clip: Clip
    edit: Edit
    seed: int

    def __str__(self) -> str:
        return f"{self.clip.name}/{self.edit.name} seed {self.seed}"


def choose_pairs(
    manifest: Manifest,
    clips: Collection[str] = (),
    edits: Collection[str] = (),
    seeds: Sequence[int] = (),
    limit: int | None = None,
) -> list[Pair]:
    """Choose pairs of a dataset; those of one clip are adjacent, to share its preparation.

    Args:
        manifest: The dataset.
        clips: Names of clips; none for all.
        edits: Names of edits; none for all.
        seeds: Seeds; none for the protocol's.
        limit: Maximum number of pairs, taken round-robin over the clips: the first edit of each,
            with the first seed, before the second edit of any.

    Raises:
        LookupError: The dataset has no such clip or edit.
        ValueError: The limit or a seed is out of range, or no chosen clip has a chosen edit.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"The limit must be at least 1 pair, got {limit}.")
    if wrong := [seed for seed in seeds if not 0 <= seed < 2**32]:
        raise ValueError(f"A seed is a whole number from 0 to {2**32 - 1}, got {wrong[0]}.")
    names = [clip.name for clip in manifest.clips]
    for name in clips:
        if name not in names:
            raise LookupError(no_such("clip", name, names))
    chosen = [clip for clip in manifest.clips if not clips or clip.name in clips]
    of_chosen = list(dict.fromkeys(edit.name for clip in chosen for edit in clip.edits))
    known = {edit.name for clip in manifest.clips for edit in clip.edits}
    for name in edits:
        if name not in known:
            raise LookupError(no_such("edit", name, of_chosen))
    wanted = {
        clip.name: [edit for edit in clip.edits if not edits or edit.name in edits]
        for clip in chosen
    }
    around = [
        Pair(clip, wanted[clip.name][turn], seed)
        for seed in dict.fromkeys(seeds or manifest.protocol.seeds)
        for turn in range(max(map(len, wanted.values())))
        for clip in chosen
        if turn < len(wanted[clip.name])
    ]
    if not around:
        raise ValueError(
            f"None of the clips {', '.join(clips)} has an edit {', '.join(edits)}; available: "
            f"{', '.join(of_chosen)}."
        )
    place = {clip.name: index for index, clip in enumerate(chosen)}
    return sorted(around[:limit], key=lambda pair: place[pair.clip.name])  # sorting is stable


def by_clip(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """Group neighbouring pairs of the same clip."""
    return [list(group) for _, group in groupby(pairs, key=lambda pair: pair.clip.name)]


def in_batches(pairs: Sequence[Pair], size: int) -> Iterator[list[Pair]]:
    """Group pairs into batches of clips of equal length; those of one clip are adjacent."""
    alike = pairs if size == 1 else sorted(pairs, key=_length)  # sorting is stable
    for _, group in groupby(alike, key=_length):
        together = list(group)
        for first in range(0, len(together), size):
            yield together[first : first + size]


def shard(pairs: Iterable[Pair], share: str) -> list[Pair]:
    """Keep one share of the clips; the shares `1/n` to `n/n` are disjoint and cover all clips.

    Args:
        pairs: The result of `choose_pairs`.
        share: `2/4` for the second of four.

    Raises:
        ValueError: The share is not of that form, or not within 1 to n.
    """
    number, count = parse_shard(share)
    groups = by_clip(pairs)[number - 1 :: count]
    return [pair for group in groups for pair in group]


def _length(pair: Pair) -> int:
    """The clip's own number of frames; 0 for the protocol's."""
    return pair.clip.frames or 0
