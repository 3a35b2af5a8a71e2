"""Progress of a results folder: done, running, failed, missing, and the estimated rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from smmbench.dataset import Dataset, load_dataset
from smmbench.errors import FailureKind
from smmbench.results import (
    Reference,
    RunRecord,
    find_records,
    of_this_video,
    read_method,
    read_scores,
)
from smmbench.results.files import METHOD
from smmbench.running.heartbeat import Working, processes
from smmbench.running.pairs import choose_pairs

Key = tuple[str, str, int]  # clip, edit, seed
Row = tuple[str, str, Reference]  # label, dataset, motion that was given


@dataclass(frozen=True)
class Status:
    """Progress of one method on one dataset.

    Attributes:
        method: Label of the method.
        dataset: Name of the dataset.
        reference: The motion that the method is given; `forward` is the clip's own.
        asked: Number of pairs that the dataset's protocol (or the caller) requires; None if the
            dataset is not known here.
        done: Required pairs that have a video.
        running: Required pairs that a process is working on.
        failed: Required pairs whose last attempt failed, by kind.
        missing: Required pairs that are none of these; None if `asked` is None.
        others: Results that are not required, such as those of other seeds.
        scored: Completed pairs whose video has a score.
        processes: Number of processes that are working on this row.
        killed: Number of processes that ended without finishing, since the last run began.
        device: The device to which time and cost refer, as stated in records: `cuda: NVIDIA H200`;
            empty if nothing was generated here yet.
        spent_seconds: Device time of all results, including failed ones and preparations.
        left_seconds: Estimated device time of running and missing pairs; None if no completed pair
            allows an estimate.
        folders: Results folders that contain results of this row.
    """

    method: str
    dataset: str
    reference: Reference
    asked: int | None
    done: int
    running: int
    failed: dict[FailureKind, int]
    missing: int | None
    others: int
    scored: int
    processes: int
    killed: int
    device: str
    spent_seconds: float
    left_seconds: float | None
    folders: tuple[str, ...]

    @property
    def on_gpu(self) -> bool:
        """Whether the time is a GPU's."""
        return self.device.startswith("cuda")

    @property
    def wall_seconds(self) -> float | None:
        """Remaining time with the current number of processes, or with one if there are none."""
        return None if self.left_seconds is None else self.left_seconds / max(self.processes, 1)


@dataclass
class _Found:
    """The results of one row; of two results of one pair, the completed one counts."""

    records: dict[Key, RunRecord] = field(default_factory=dict)
    scored: set[Key] = field(default_factory=set)
    working: list[Working] = field(default_factory=list)
    killed: int = 0
    folders: dict[str, None] = field(default_factory=dict)


def status_of(
    folders: Sequence[Path],
    *,
    datasets: Iterable[Dataset] = (),
    only: str | None = None,
    clips: Collection[str] = (),
    edits: Collection[str] = (),
    seeds: Sequence[int] = (),
    limit: int | None = None,
    unreadable: Callable[[Path, ValueError], None] | None = None,
) -> list[Status]:
    """Return the progress of each method of some results folders; nothing is loaded or written.

    Folders are combined: a pair that is done in any of them is done. Processes may write to
    them at the same time.

    Args:
        folders: Results folders, or folders in them.
        datasets: Datasets that are not installed; others are found by their names.
        only: Name of the only dataset to report; None for all.
        clips: Names of required clips; none for all.
        edits: Names of edits; none for all.
        seeds: Seeds; none for the protocol's.
        limit: Maximum number of pairs; see `choose_pairs`.
        unreadable: Called with each folder whose record cannot be read; None to raise the error.

    Raises:
        ValueError: A folder does not exist, or as `choose_pairs`.
        LookupError: As `choose_pairs`.
    """
    rows: dict[Row, _Found] = {}
    for folder in folders:
        _look(folder, rows, unreadable)
    known = {one.manifest.name: one for one in datasets}
    statuses = []
    for row, found in sorted(rows.items()):
        if only in (None, row[1]):
            dataset = _dataset(row[1], known, found)
            asked: list[Key] | None = None
            if dataset is not None:
                chosen = choose_pairs(dataset.manifest, clips, edits, seeds, limit)
                asked = [(pair.clip.name, pair.edit.name, pair.seed) for pair in chosen]
            statuses.append(_status(row, found, asked))
    return statuses


def _look(
    folder: Path,
    rows: dict[Row, _Found],
    unreadable: Callable[[Path, ValueError], None] | None,
) -> None:
    """Add the results below a folder."""

    def row(key: Row) -> _Found:
        found = rows.setdefault(key, _Found())
        found.folders[str(folder)] = None
        return found

    for place, record in find_records(folder, unreadable):
        asked = record.request
        key = asked.clip, asked.edit, asked.seed
        found = row((asked.method, asked.dataset, asked.reference))
        earlier = found.records.get(key)
        if earlier is None or earlier.status == "failed":
            found.records[key] = record
        if _is_scored(place, record):
            found.scored.add(key)
    of_one_method = (folder / METHOD).is_file()
    for place in [folder] if of_one_method else sorted(folder.iterdir()):
        with suppress(ValueError):  # one that cannot be read names no dataset
            about = read_method(place)
            for name in about.parameters if about else ():
                row((about.label, name, "forward"))  # type: ignore[union-attr]
    root = folder.parent if of_one_method else folder
    for working, alive in processes(root):
        if of_one_method and working.method != folder.name:
            continue
        found = row((working.method, working.dataset, "forward"))
        if alive:
            found.working.append(working)
        else:
            found.killed += 1


def _is_scored(folder: Path, record: RunRecord) -> bool:
    try:
        file = of_this_video(read_scores(folder), record)
    except ValueError:
        return False
    return file is not None and any(score.value is not None for score in file.scores)


def _dataset(name: str, known: dict[str, Dataset], found: _Found) -> Dataset | None:
    """A row's dataset: given, installed, or at the path that a process is working from."""
    for spec in (name, *(working.manifest for working in found.working)):
        if name not in known:
            with suppress(ValueError, LookupError, OSError):
                dataset = load_dataset(spec)
                known[dataset.manifest.name] = dataset
    return known.get(name)


def _status(row: Row, found: _Found, asked: Sequence[Key] | None) -> Status:
    keys = list(found.records) if asked is None else asked
    here = {key: found.records[key] for key in keys if key in found.records}
    at_hand = {key for working in found.working for key in working.pairs}
    done = {key for key, record in here.items() if record.status == "done"}
    running = (at_hand if asked is None else at_hand & {*asked}) - done
    failed = {
        key: record.failure.kind
        for key, record in here.items()
        if record.failure is not None and key not in running
    }
    left = [key for key in keys if key not in done and key not in failed]
    device = _device(found)
    return Status(
        *row,
        asked=None if asked is None else len(asked),
        done=len(done),
        running=len(running),
        failed=dict(Counter(failed.values()).most_common()),
        missing=None if asked is None else len(left) - len(running),
        others=len(found.records) - len(here),
        scored=len(done & found.scored),
        processes=len(found.working),
        killed=found.killed,
        device=device,
        spent_seconds=_spent(found.records),
        left_seconds=None if asked is None else _left(left, found.records, device),
        folders=tuple(found.folders),
    )


def _device(found: _Found) -> str:
    """The device for the estimate: that of most current processes, else that of most results."""
    tried = [one for one in found.records.values() if one.imported is None]
    made = [one for one in tried if one.status == "done"]
    counted = Counter(working.device for working in found.working)
    counted = counted or Counter(one.environment.device for one in made or tried)
    return counted.most_common(1)[0][0] if counted else ""


def _spent(records: Mapping[Key, RunRecord]) -> float:
    """Device seconds of all results; the preparation of a clip counts once."""
    prepared: dict[str, float] = {}
    for (clip, _, _), record in records.items():
        prepared[clip] = max(prepared.get(clip, 0.0), record.prepare_seconds)
    return sum(prepared.values()) + sum(record.transfer_seconds for record in records.values())


def _left(left: Sequence[Key], records: Mapping[Key, RunRecord], device: str) -> float | None:
    """Device seconds of the remaining pairs, from the mean of those done on the same device.

    Each clip with a remaining pair is prepared once, even if other pairs of it are done, because
    their preparation was lost with their process.
    """
    if not left:
        return 0.0
    alike = {
        key: record
        for key, record in records.items()
        if record.status == "done" and record.environment.device == device
    }
    if not alike or all(record.imported is not None for record in alike.values()):
        return None
    clips = {clip for clip, _, _ in alike}
    transfer = sum(record.transfer_seconds for record in alike.values()) / len(alike)
    prepare = (_spent(alike) - transfer * len(alike)) / len(clips)
    return transfer * len(left) + prepare * len({clip for clip, _, _ in left})


def complete(status: Status) -> bool:
    """Whether every required pair has a video."""
    return status.asked is not None and status.done == status.asked
