"""The files of a run: results, markers of finished batches, settings chosen by searches.

<folder>/results/        as written by `smmbench run`; videos are removed once they are scored
<folder>/tasks/          one file per finished batch: `Done`
<folder>/tuned/          settings that the searches chose
<folder>/media/          previews of shown pairs, in the form that the site uses
<folder>/logs/           output of the searches
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.errors import BrokenFileError
from smmbench.results import PREVIEW, VIDEO, Request, Stored, result_folder
from smmbench.results.scored_tracks import TRACKS
from smmbench.storage.atomic import write_text
from smmbench_research.record.plan import Plan, Row, Task


class Done(Stored):
    """A batch that was generated and scored.

    Attributes:
        key: Key of the batch; see `identity`.
        made_seconds: Seconds of generation, from the first step to the last.
        scored_seconds: Seconds of scoring, summed over the processes.
        side_by_side: Number of processes that shared the GPU.
        device: Device on which it was generated.
        commit: Commit of the clone that generated it; empty outside a clone.
        failed: Number of pairs without a video.
        unscored: Number of pairs whose video was rejected, or lacks a score on an axis.
        held_out: Results of the held-out evaluators, one row per pair.
    """

    key: str
    made_seconds: float
    scored_seconds: float
    side_by_side: int
    device: str
    commit: str = ""
    failed: int = 0
    unscored: int = 0
    held_out: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class State:
    """Paths in the folder of a run."""

    folder: Path

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.folder / "results"

    def results_of(self, row: Row) -> Path:
        """The results folder of a row; the trials of each search have their own."""
        return self.search(row.trial_of) / "results" if row.trial_of else self.results

    def search(self, name: str) -> Path:
        """The folder in which `smmbench tune` finds the trials of a row."""
        return self.folder / "searches" / name.replace("/", "-")

    @property
    def logs(self) -> Path:
        """The folder with the output of the searches."""
        return self.folder / "logs"

    def tuned(self, row: Row) -> Path:
        """The file with the settings that the search of a row chose."""
        return self.folder / "tuned" / f"{row.world}-{row.label}.toml"

    def marker(self, task: Task) -> Path:
        """The file that marks a batch as done."""
        return self.folder / "tasks" / f"{task.name}.json"

    def done(self, task: Task) -> Done | None:
        """Read the marker of a batch; None if the batch is not done, or its file is broken."""
        try:
            return Done.model_validate_json(self.marker(task).read_bytes())
        except (FileNotFoundError, BrokenFileError, ValueError):
            return None

    def write_done(self, task: Task, done: Done) -> None:
        """Mark a batch as done; this is the last file of a batch to be written."""
        write_text(self.marker(task), done.model_dump_json() + "\n")


def folders_of(task: Task, plan: Plan, state: State) -> Iterator[tuple[tuple[str, str, int], Path]]:
    """The pairs of a batch, each with the folder of its result."""
    world = plan.worlds[task.row.world]
    manifest = world.described.manifest
    for pair in world.pairs:
        if pair.clip.name in task.clips:
            request = Request(
                method=task.row.label,
                dataset=manifest.name,
                dataset_version=manifest.version,
                clip=pair.clip.name,
                edit=pair.edit.name,
                seed=pair.seed,
                reference=task.reference,
            )
            yield (
                (pair.clip.name, pair.edit.name, pair.seed),
                result_folder(state.results_of(task.row), request),
            )


def clear(task: Task, plan: Plan, state: State) -> None:
    """Remove everything that an interrupted batch has left behind."""
    state.marker(task).unlink(missing_ok=True)
    for _, folder in folders_of(task, plan, state):
        shutil.rmtree(folder, ignore_errors=True)


def prune(task: Task, plan: Plan, state: State) -> None:
    """Remove a finished batch's videos except the sample, and tracks except for shown pairs."""
    if task.row.trial_of:
        return
    world = plan.worlds[task.row.world]
    for pair, folder in folders_of(task, plan, state):
        forward = task.reference == "forward"
        (folder / PREVIEW).unlink(missing_ok=True)
        if not (forward and pair in world.sample_pairs):
            (folder / VIDEO).unlink(missing_ok=True)
        if not (forward and pair in world.shown_pairs):
            (folder / TRACKS).unlink(missing_ok=True)
