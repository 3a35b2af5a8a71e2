"""The work of the worker processes: generate the videos of a batch, and score some of them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.dataset import clip_named, edit_named, load_dataset
from smmbench.results import VIDEO, RunRecord, read_record
from smmbench.running.loop import plan_run
from smmbench.running.maker import Maker
from smmbench.scoring.loop import ScoreLoop
from smmbench.scoring.options import Options
from smmbench.video import read_video
from smmbench_research.record.identity import settings_of
from smmbench_research.record.plan import Task, read_plan
from smmbench_research.record.state import State, clear, folders_of

AXES = ("text_similarity", "motion_fidelity")
EVALUATORS = {"emoji", "emoji-wan"}
"""Datasets with the world's captions, whose objects the judge and the locator can recognise."""


@dataclass(frozen=True)
class Made:
    """A batch whose videos were generated.

    Attributes:
        folders: Folders of its results.
        seconds: Time that generation took, in seconds.
        failed: Number of pairs without a video.
        device: Device on which the batch was generated.
    """

    folders: tuple[Path, ...]
    seconds: float
    failed: int
    device: str


@dataclass(frozen=True)
class Scored:
    """The scores of some videos.

    Attributes:
        seconds: Time that scoring took, in seconds.
        unscored: One message per video that was rejected or lacks a score on an axis.
        held_out: Results of the held-out evaluators, one row per pair; only for pairs with the
            clips' own motion.
    """

    seconds: float
    unscored: tuple[str, ...]
    held_out: tuple[dict[str, Any], ...]


_makers: dict[tuple[str, str, Path], Maker] = {}
_loops: dict[tuple[str, ...], ScoreLoop] = {}
_evaluators: dict[str, Any] = {}


def make(
    task: Task, plan_file: Path, plan_sha256: str, folder: Path, device: str, together: int
) -> Made:
    """Generate the videos of a batch in deterministic mode, with an empty cache of latents.

    Results of an earlier attempt are removed, because a batch of fewer pairs has other pixels.

    Args:
        task: The batch.
        plan_file: File of its plan.
        plan_sha256: SHA-256 of the plan when the run began.
        folder: Folder of the run.
        device: Device on which to compute.
        together: Number of its pairs that are generated at once; if memory runs out, fewer.

    Raises:
        ValueError: The plan has changed since the run began.
    """
    plan, state = read_plan(plan_file), State(folder)
    if plan.sha256 != plan_sha256:
        raise ValueError(f"'{plan_file}' was changed during the run.")
    world = plan.worlds[task.row.world]
    clear(task, plan, state)
    settings = settings_of(task.row, state)
    run = plan_run(
        task.row.method,
        world.dataset,
        state.results_of(task.row),
        label=task.row.label,
        reference=task.reference,
        clips=task.clips,
        seeds=world.seeds,
        limit=world.limit,
        device=device,
        batch=task.pairs,
        deterministic=True,
        **settings,
    )
    key = task.row.name, task.reference, folder  # a Maker writes into one folder
    if key not in _makers:
        _makers.clear()  # one method is in memory at a time
        _makers[key] = Maker(run.job)
    # The last batch of a row is shorter; a maker that began with it must not divide the others.
    _makers[key].in_batches_of(together)
    began = time.perf_counter()
    with _empty_cache():
        records = list(_makers[key].make([pair for pair, _ in run.pairs]))
    return Made(
        folders=tuple(place for _, place in folders_of(task, plan, state)),
        seconds=time.perf_counter() - began,
        failed=sum(record.status == "failed" for record in records),
        device=records[0].environment.device,
    )


def score(folders: Sequence[Path], metrics: tuple[str, ...]) -> Scored:
    """Score results on the CPU, so that every machine computes the same numbers."""
    began = time.perf_counter()
    if metrics not in _loops:
        _loops[metrics] = ScoreLoop(Options(metrics=metrics, device="cpu"))
    records = [(folder, record) for folder in folders if (record := read_record(folder))]
    unscored, rows = [], []
    for outcome in _loops[metrics].run(records):
        record = outcome.record
        if record.status == "failed":
            continue
        missing = outcome.missing(AXES)
        if outcome.error or missing:
            unscored.append(outcome.error or f"{outcome.folder}: {missing}")
        elif record.request.reference == "forward" and record.request.dataset in EVALUATORS:
            rows.append(_held_out(outcome.folder, record))
    return Scored(time.perf_counter() - began, tuple(unscored), tuple(rows))


def _held_out(folder: Path, record: RunRecord) -> dict[str, Any]:
    """Evaluate one output with the held-out evaluators."""
    asked = record.request
    row = {"label": asked.method, "clip": asked.clip, "edit": asked.edit, "seed": asked.seed}
    return row | (
        _by_measures(folder, record) if asked.dataset == "emoji" else _by_judge(folder, record)
    )


def _by_measures(folder: Path, record: RunRecord) -> dict[str, float | None]:
    from smmbench_research.emoji.laboratory.measures import Measures, figures

    asked = record.request
    if asked.dataset not in _evaluators:
        dataset = load_dataset(asked.dataset)
        _evaluators[asked.dataset] = Measures(dataset, "cpu", second="lucas-kanade")
    measures: Measures = _evaluators[asked.dataset]
    clip = clip_named(measures.dataset, asked.clip)
    video, pixels = read_video(folder / VIDEO), record.pixels_sha256
    tracks = measures.track(video, pixels), measures.track_again(video, pixels)
    return figures(measures.measure(clip, edit_named(clip, asked.edit).prompt, video, *tracks))


def _by_judge(folder: Path, record: RunRecord) -> dict[str, float | None]:
    from smmbench_research.emoji_wan.seen import Seen

    if record.request.dataset not in _evaluators:
        _evaluators[record.request.dataset] = Seen()
    seen: Seen = _evaluators[record.request.dataset]
    return seen.figures(folder, record)


@contextmanager
def _empty_cache() -> Iterator[None]:
    """Use an empty cache folder, so that inversions depend on this batch alone."""
    before = os.environ.get("SMMBENCH_HOME")
    # A scorer in a thread of this process (as in tests) may still write to the cache at the end.
    with tempfile.TemporaryDirectory(
        prefix="smmbench-record-", ignore_cleanup_errors=True
    ) as folder:
        os.environ["SMMBENCH_HOME"] = folder
        try:
            yield
        finally:
            del os.environ["SMMBENCH_HOME"]
            if before is not None:
                os.environ["SMMBENCH_HOME"] = before
