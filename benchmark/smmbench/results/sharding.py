"""Shards of a dataset's clips, `i/n`, which divide work without communication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from smmbench.results.records import RunRecord


def parse_shard(share: str) -> tuple[int, int]:
    """Parse `2/4`, the second of four shards, as (2, 4).

    Raises:
        ValueError: It is not of that form, or not within 1 to n.
    """
    number, slash, count = share.partition("/")
    if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return int(number), int(count)
    from_zero = slash and number == "0" and count.isdecimal() and int(count) > 0
    hint = f" Job arrays must count from 1: `sbatch --array=1-{count}`." if from_zero else ""
    raise ValueError(
        f"A shard is written i/n with i from 1 to n, for example 2/4; got '{share}'.{hint}"
    )


def results_of_shard(
    results: Sequence[tuple[Path, RunRecord]], share: str, clips: Mapping[str, Sequence[str]]
) -> list[tuple[Path, RunRecord]]:
    """Keep the results of one share of the clips.

    The share of a clip does not depend on which results exist, so that processes that start at
    different times, while videos are still being generated, leave nothing out.

    Args:
        results: Folders and their records.
        share: `2/4` for the second of four.
        clips: Names of a dataset's clips in its order, by the dataset's name; results of another
            dataset, or of a clip that it lacks, are in the first share, so that each is reported
            once.
    """
    number, count = parse_shard(share)
    place = {(name, clip): at for name, all in clips.items() for at, clip in enumerate(all)}
    return [
        (folder, record)
        for folder, record in results
        if place.get((record.request.dataset, record.request.clip), 0) % count == number - 1
    ]
