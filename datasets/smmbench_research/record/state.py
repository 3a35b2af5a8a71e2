"""What lies on disk of a run: results, which batches are done, settings that searches found.

<folder>/results/        as of `smmbench run`; videos are removed once they are scored
<folder>/tasks/          one file a batch that is done: `Done`
<folder>/tuned/          what the searches chose
<folder>/media/          previews of shown pairs, as the site has them
<folder>/logs/
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
    """A batch that was made and scored.

    Attributes:
        key: Of the batch; see `identity`.
        made_seconds: From the first step of its making to the last.
        scored_seconds: Of processors, over all its videos.
        side_by_side: Processes that shared the GPU.
        device: That it was made on.
        commit: Of the clone that made it; empty if it was none.
        failed: Pairs without a video.
        unscored: Pairs whose video was refused, or has no number on an axis.
        held_out: Figures of evaluators that no search saw, a row a pair.
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
    """Places in the folder of a run."""

    folder: Path

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.folder / "results"

    def results_of(self, row: Row) -> Path:
        """The results folder of a row; trials of a search have one of their own."""
        return self.search(row.trial_of) / "results" if row.trial_of else self.results

    def search(self, name: str) -> Path:
        """Where `smmbench tune` finds the trials of a row."""
        return self.folder / "searches" / name.replace("/", "-")

    @property
    def logs(self) -> Path:
        """What searches print."""
        return self.folder / "logs"

    def tuned(self, row: Row) -> Path:
        """What the search of a row chose."""
        return self.folder / "tuned" / f"{row.world}-{row.label}.toml"

    def marker(self, task: Task) -> Path:
        """The file that says that a batch is done."""
        return self.folder / "tasks" / f"{task.name}.json"

    def done(self, task: Task) -> Done | None:
        """What is known of a batch; None if it is not done, or its file is broken."""
        try:
            return Done.model_validate_json(self.marker(task).read_bytes())
        except (FileNotFoundError, BrokenFileError, ValueError):
            return None

    def write_done(self, task: Task, done: Done) -> None:
        """Say that a batch is done: the last thing that is written of it."""
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
    """Remove what a batch that was cut off left behind."""
    state.marker(task).unlink(missing_ok=True)
    for _, folder in folders_of(task, plan, state):
        shutil.rmtree(folder, ignore_errors=True)


def prune(task: Task, plan: Plan, state: State) -> None:
    """Remove the videos of a batch that is done, but for the sample; tracks only of shown pairs."""
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
