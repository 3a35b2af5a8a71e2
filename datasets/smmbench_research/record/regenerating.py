"""A stranger's check: make the videos of a published row again, and compare their pixels.

Batches are those of the plan, made in deterministic mode on the same code; on the same kind of
card, with the same versions of the libraries, the pixels must be equal. Where they are not, this
says by how much: the two axes of each pair, and the pixels of those whose lossless videos are at
hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from smmbench.results import VIDEO, RunRecord, read_record, scores_of
from smmbench.scoring.counting import Key
from smmbench.video import read_video
from smmbench_leaderboard.board.published import read_published_board
from smmbench_research.record.doing import AXES
from smmbench_research.record.plan import Plan, Row, Task
from smmbench_research.record.state import State, folders_of


@dataclass(frozen=True)
class Published:
    """What is known of a published pair.

    Attributes:
        pixels: SHA-256 of its pixels; empty where it failed.
        values: Its score on each axis.
        video: Its lossless video, where it is at hand.
    """

    pixels: str
    values: Mapping[str, float | None]
    video: Path | None = None


class Reference(Protocol):
    """Where published pairs are looked up."""

    def __call__(self, task: Task, pair: Key) -> Published | None:
        """A pair of a batch; None where nothing is published of it."""


@dataclass
class Comparison:
    """What came of a row.

    Attributes:
        equal: Pairs with the same pixels.
        unequal: Pairs with other pixels, by name.
        unknown: Pairs that nothing is published of, or that were not made again.
        differences: Of unequal pairs, by axis: new minus published.
        pixels: Of unequal pairs whose videos are at hand: the largest and the mean difference of
            a value, 0 to 255.
        devices: That made them now.
    """

    equal: int = 0
    unequal: list[str] = field(default_factory=list)
    unknown: int = 0
    differences: dict[str, list[float]] = field(default_factory=dict)
    pixels: list[tuple[int, float]] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)

    @property
    def same(self) -> bool:
        """Whether everything was made again, and is equal."""
        return self.equal > 0 and not self.unequal and not self.unknown

    def lines(self) -> Iterator[str]:
        """The comparison in words."""
        total = self.equal + len(self.unequal)
        yield f"{self.equal} of {total} pairs have the same pixels, {len(self.unequal)} others."
        if self.unknown:
            yield f"{self.unknown} pairs were not compared: not made again, or not published."
        if self.devices:
            yield f"Made again on {', '.join(sorted(self.devices))}."
        for axis, values in self.differences.items():
            sizes = np.abs(values)
            yield (
                f"{axis} of the {len(values)} others: mean difference {np.mean(values):+.4f}, "
                f"mean size {sizes.mean():.4f}, largest {sizes.max():.4f}."
            )
        if self.pixels:
            largest, mean = zip(*self.pixels, strict=True)
            yield (
                f"Pixels of {len(self.pixels)} of them: largest difference {max(largest)} of 255, "
                f"mean {np.mean(mean):.4f}."
            )
        yield from (f"other pixels: {name}" for name in self.unequal[:10])


def from_results(plan: Plan, state: State) -> Reference:
    """Look pairs up in a run's folder."""

    def find(task: Task, pair: Key) -> Published | None:
        folder = dict(folders_of(task, plan, state))[pair]
        record = read_record(folder)
        if record is None:
            return None
        video = folder / VIDEO
        values = _values(folder, record)
        return Published(record.pixels_sha256, values, video if video.is_file() else None)

    return find


def from_entry(entry: Path, row: Row) -> Reference:
    """Look pairs up in an entry of the ledger, which has the clips' own motion alone.

    Raises:
        ValueError: It is no entry, or has no such row.
    """
    board, _ = read_published_board(entry)
    rows = {one.label: one for one in board.rows}
    if row.label not in rows:
        raise ValueError(f"'{entry}' has no row '{row.label}'; there is: {', '.join(rows)}.")
    pairs = {(one.clip, one.edit, one.seed): one for one in rows[row.label].pairs}

    def find(task: Task, pair: Key) -> Published | None:
        one = pairs.get(pair) if task.reference == "forward" else None
        if one is None or one.status == "missing":
            return None
        return Published(one.pixels_sha256, {axis: one.values.get(axis) for axis in AXES})

    return find


def compare(plan: Plan, tasks: Sequence[Task], state: State, published: Reference) -> Comparison:
    """Compare what was made again with what is published.

    Args:
        plan: The plan.
        tasks: Batches of a row.
        state: Folder of what was made again.
        published: Where published pairs are looked up.
    """
    found = Comparison()
    for task in tasks:
        for pair, folder in folders_of(task, plan, state):
            record, theirs = read_record(folder), published(task, pair)
            if record is None or theirs is None:
                found.unknown += 1
                continue
            found.devices.add(record.environment.device)
            if record.pixels_sha256 == theirs.pixels:
                found.equal += 1
                continue
            clip, edit, seed = pair
            found.unequal.append(f"{task.row.name} {task.reference} {clip}/{edit} seed {seed}")
            _note_difference(found, folder, record, theirs)
    return found


def _note_difference(found: Comparison, folder: Path, record: RunRecord, theirs: Published) -> None:
    for axis, value in _values(folder, record).items():
        other = theirs.values.get(axis)
        if value is not None and other is not None:
            found.differences.setdefault(axis, []).append(value - other)
    video = folder / VIDEO
    if theirs.video is not None and video.is_file():
        one, other_frames = read_video(video).frames, read_video(theirs.video).frames
        if one.shape == other_frames.shape:
            apart = np.abs(one.astype(int) - other_frames.astype(int))
            found.pixels.append((int(apart.max()), float(apart.mean())))


def _values(folder: Path, record: RunRecord) -> dict[str, float | None]:
    scores = scores_of(folder, record)
    return {axis: scores[axis].value if axis in scores else None for axis in AXES}
