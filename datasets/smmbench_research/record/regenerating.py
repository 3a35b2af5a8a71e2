"""Independent check: regenerate the videos of a published row, and compare their pixels.

Batches are those of the plan, generated in deterministic mode by the same code; on the same GPU
model, with the same versions of the libraries, the pixels must be equal. Where they are not, the
comparison states by how much: both axes of each pair, and the pixels of pairs whose lossless videos
are available.
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
    """A published pair.

    Attributes:
        pixels: SHA-256 of its pixels; empty if the pair failed.
        values: Its score on each axis; None if it is not published.
        video: Its lossless video, if available.
        batch: Number of pairs that were generated together; 1 if it is not known.
    """

    pixels: str
    values: Mapping[str, float | None]
    video: Path | None = None
    batch: int = 1


class Reference(Protocol):
    """A lookup of published pairs."""

    def __call__(self, task: Task, pair: Key) -> Published | None:
        """Return a pair of a batch; None if it is not published."""


@dataclass
class Comparison:
    """A regenerated row, compared with the published one.

    Attributes:
        equal: Number of pairs with the same pixels.
        unequal: Names of the pairs with different pixels.
        unknown: Number of pairs that are not published, or were not regenerated.
        differences: Score differences of unequal pairs by axis, new minus published.
        pixels: The largest and the mean absolute difference of pixel values (0 to 255), for
            unequal pairs whose videos are available.
        devices: Devices on which the pairs were regenerated.
    """

    equal: int = 0
    unequal: list[str] = field(default_factory=list)
    unknown: int = 0
    differences: dict[str, list[float]] = field(default_factory=dict)
    pixels: list[tuple[int, float]] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)

    @property
    def same(self) -> bool:
        """Whether all pairs were regenerated and are equal."""
        return self.equal > 0 and not self.unequal and not self.unknown

    def lines(self) -> Iterator[str]:
        """The comparison in words."""
        total = self.equal + len(self.unequal)
        yield f"{self.equal} of {total} pairs have the same pixels, {len(self.unequal)} differ."
        if self.unknown:
            yield f"{self.unknown} pairs were not compared: not regenerated, or not published."
        if self.devices:
            yield f"Regenerated on {', '.join(sorted(self.devices))}."
        for axis, values in self.differences.items():
            sizes = np.abs(values)
            yield (
                f"{axis} of {len(values)} that differ: mean difference {np.mean(values):+.4f}, "
                f"mean absolute {sizes.mean():.4f}, largest {sizes.max():.4f}."
            )
        if self.pixels:
            largest, mean = zip(*self.pixels, strict=True)
            yield (
                f"Pixels of {len(self.pixels)} of them: largest difference {max(largest)} of 255, "
                f"mean {np.mean(mean):.4f}."
            )
        yield from (f"Different pixels: {name}" for name in self.unequal[:10])


def from_results(plan: Plan, state: State) -> Reference:
    """Look pairs up in a run's folder."""

    def find(task: Task, pair: Key) -> Published | None:
        folder = dict(folders_of(task, plan, state))[pair]
        record = read_record(folder)
        if record is None:
            return None
        video = folder / VIDEO
        values = _values(folder, record)
        kept = video if video.is_file() else None
        return Published(record.pixels_sha256, values, kept, record.batch)

    return find


def from_entry(entry: Path, row: Row) -> Reference:
    """Look pairs up in an entry of the ledger, which has only the clips' own motion.

    Raises:
        ValueError: The file is not an entry, is of another dataset, or has no such row.
    """
    board, _ = read_published_board(entry)
    if board.dataset != row.world:
        raise ValueError(
            f"'{entry}' is an entry of '{board.dataset}', and the row is of '{row.world}'."
        )
    rows = {one.label: one for one in board.rows}
    if row.label not in rows:
        raise ValueError(f"'{entry}' has no row '{row.label}'. Its rows are: {', '.join(rows)}.")
    pairs = {(one.clip, one.edit, one.seed): one for one in rows[row.label].pairs}

    def find(task: Task, pair: Key) -> Published | None:
        one = pairs.get(pair) if task.reference == "forward" else None
        if one is None or one.status == "missing":
            return None
        values = {axis: one.values.get(axis) for axis in AXES}
        if one.marks:  # an entry has the worst value in place of the score
            values["motion_fidelity"] = None
        return Published(one.pixels_sha256, values, batch=one.batch)

    return find


def together(
    plan: Plan, tasks: Sequence[Task], state: State, published: Reference
) -> dict[str, int]:
    """The number of published pairs that were generated together, by name of the batch.

    It is smaller than the batch where memory ran out. A batch that was not divided equally has the
    smallest number; its larger parts may then differ. Batches without a known number are left out.
    """
    found = {}
    for task in tasks:
        pairs = [published(task, pair) for pair, _ in folders_of(task, plan, state)]
        known = [one.batch for one in pairs if one is not None and one.batch > 1]
        if known:
            found[task.name] = min(known)
    return found


def compare(plan: Plan, tasks: Sequence[Task], state: State, published: Reference) -> Comparison:
    """Compare regenerated pairs with published ones.

    Args:
        plan: The plan.
        tasks: Batches of a row.
        state: Folder of the regenerated pairs.
        published: The lookup of published pairs.
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
