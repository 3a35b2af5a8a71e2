"""Limit results, taken round-robin over the clips, as in `smmbench run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from smmbench.results.records import RunRecord

Item = TypeVar("Item")


def round_robin(items: Sequence[Item], clip: Callable[[Item], Hashable], limit: int) -> list[Item]:
    """Take the first item of each clip before the second of any; at most `limit`, in their order.

    Args:
        items: In the order in which those of the same clip are taken.
        clip: The clip of an item.
        limit: Number of items to take, at least 1.
    """
    turns: Counter[Hashable] = Counter()
    places = []
    for place, item in enumerate(items):
        places.append((turns[clip(item)], place))
        turns[clip(item)] += 1
    return [items[place] for place in sorted(place for _, place in sorted(places)[:limit])]


def first_pairs(
    results: Sequence[tuple[Path, RunRecord]], limit: int
) -> list[tuple[Path, RunRecord]]:
    """For each method and dataset, the results of at most `limit` pairs, round-robin over clips.

    Within a clip, every edit with the first seed precedes any with the second.
    """
    kept = []
    for _, group in groupby(sorted(results, key=_row), key=_row):
        one = sorted(group, key=lambda result: result[1].request.seed)  # sorting is stable
        kept += round_robin(one, lambda result: result[1].request.clip, limit)
    return kept


def _row(result: tuple[Path, RunRecord]) -> tuple[str, str]:
    return result[1].request.method, result[1].request.dataset
