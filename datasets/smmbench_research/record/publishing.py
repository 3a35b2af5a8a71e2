"""Publish the results of a run: boards, ledger, sites, tables, and the sample."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smmbench.results import VIDEO, read_method, read_record, read_scores
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench.scoring.loop import state as state_of_score
from smmbench.storage.atomic import held, write_text
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.selectivity_plot import draw_selectivity
from smmbench_leaderboard.board.selectivity_report import selectivity_report
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats import to_json, to_markdown
from smmbench_leaderboard.formats.selectivity import selectivity_csv, selectivity_markdown
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.chain import seal
from smmbench_leaderboard.ledger.entries import EntryFacts
from smmbench_leaderboard.ledger.location import PUBLISHED, ledger_folder
from smmbench_leaderboard.site.build import site_of_ledger, site_of_results
from smmbench_leaderboard.submission.identity import CONTROLS
from smmbench_leaderboard.submission.packing import submit
from smmbench_leaderboard.submission.verification import verify
from smmbench_research.record import tables
from smmbench_research.record.doing import AXES
from smmbench_research.record.estimating import estimates
from smmbench_research.record.making import is_done, keys_of
from smmbench_research.record.plan import PLAN, Plan, Row, Task, World, read_plan
from smmbench_research.record.state import State, clear, folders_of

SMALL_SITE, SITE, SAMPLE = 10 << 20, 150 << 20, 20 << 20
"""Maximum size of the site of the ledger, the site with previews, and the sample, in bytes."""

FACTS = {
    "authors": "The authors of the method; run by the organisers of smmbench",
    "contact": "The organisers of smmbench",
    "licence": "Apache-2.0",
    "seen": "The models of this world were trained on other clips of it; settings were searched on "
    "its validation set",
    "paper": "smmbench",
}
"""Facts for the card of a sample that the method's own card does not state."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What to publish, and where.

    Attributes:
        name: Name of the entries in the ledger, such as `2026-12-01-board`.
        by: Organiser who assigns the trust tier to the rows.
        ledger: Folder of the ledger.
        output: Folder for all other files.
        partial: Whether batches may be missing; their pairs count as worst, or their rows are
            listed separately.
    """

    name: str
    by: str
    ledger: Path
    output: Path
    partial: bool = False


def publish(plan: Plan, rows: Sequence[Row], state: State, wanted: Wanted, tell: Tell) -> list[str]:
    """Check all results, write all files, and return notes that a reader must know.

    Raises:
        ValueError: Batches are missing, a score belongs to another video or version, the plan is a
            rehearsal and the ledger the published one, or an entry of this name exists.
    """
    _refuse_rehearsal(plan, wanted.ledger)
    keys = keys_of(rows, plan, state)
    tasks = plan.tasks(rows)
    done_tasks = [
        task
        for task in tasks
        if task.row.name in keys and is_done(task, plan, state, keys[task.row.name])
    ]
    left = [task for task in tasks if task not in done_tasks]
    if left and not wanted.partial:
        raise ValueError(
            f"{len(left)} batches are missing, such as '{left[0].name}': complete them with "
            "`make`, or publish without them with --partial."
        )
    with held(state.folder):  # not while `make` runs
        for task in left:
            clear(task, plan, state)  # half a batch does not count: `make` generates it again
    notes = [f"{len(left)} batches are missing."] if left else []
    tell("Checking scores.")
    check_scores(done_tasks, plan, state)
    costs = {one.row.name: one for one in estimates(rows, plan, state, keys)}
    done = {task.name: one for task in tasks if (one := state.done(task)) is not None}
    names = list(dict.fromkeys(row.world for row in rows))
    boards: dict[str, Board] = {}
    for name in names:
        tell(f"Writing the board of {name}.")
        world, own = plan.worlds[name], [row for row in rows if row.world == name]
        boards[name] = write_board(world, own, state, wanted.output / name)
        folder = wanted.output / name
        write_text(folder / "rows.md", _text(tables.rows_and_cost(own, boards[name], costs)))
        write_text(folder / "marks.md", _text(tables.marks(boards[name])))
        figures = tables.held_out_rows(plan.tasks(own), done)
        if figures:
            write_text(folder / "held-out.md", _text(tables.held_out(figures)))
            write_text(folder / "held-out.jsonl", _text(map(json.dumps, figures)))
        notes += write_selectivity(world, own, state, folder)
    for row in rows:
        if state.tuned(row).is_file():
            target = wanted.output / "tuned" / state.tuned(row).name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(state.tuned(row), target)
    tell("Writing the sample.")
    notes += write_sample(plan, rows, state, wanted.output / "sample")
    for name in names:
        facts = EntryFacts(tier="organisers", by=wanted.by)
        path = add_board(wanted.ledger, wanted.name, wanted.output / name / "board.json", facts)
        tell(f"Wrote {path}, {path.stat().st_size} bytes.")
    seal(wanted.ledger)
    datasets = [plan.worlds[name].dataset for name in names]
    tell("Writing the site of the ledger.")
    small = wanted.output / "site-small"
    site_of_ledger(wanted.ledger, small, datasets, small=True)
    notes += _too_large(small, SMALL_SITE)
    tell("Writing the site with previews.")
    site = wanted.output / "site"
    if (state.folder / "media").is_dir():
        shutil.copytree(state.folder / "media", site / "media", dirs_exist_ok=True)
    site_of_results(state.results, site, datasets, check_videos=False)
    return notes + _too_large(site, SITE)


def check_scores(tasks: Sequence[Task], plan: Plan, state: State) -> None:
    """Reject scores of a video other than the record's, or of another version of a metric.

    Args:
        tasks: The batches that are done.
        plan: Their plan.
        state: The run's folder.

    Raises:
        ValueError: There are such scores; the message says how many and names the first ones.
    """
    wrong = []
    for folder in (folder for task in tasks for _, folder in folders_of(task, plan, state)):
        record = read_record(folder)
        if record is None:
            wrong.append(f"'{folder}' has no record")
            continue
        if record.status != "done":
            continue
        scores = read_scores(folder)
        if scores is None or scores.pixels_sha256 != record.pixels_sha256:
            wrong.append(f"'{folder}' has no scores of its video")
            continue
        stated = {name: state_of_score(folder, record, name) for name in AXES}
        if lacking := [name for name, said in stated.items() if said == "no score"]:
            wrong.append(f"'{folder}' has no score of this version of {', '.join(lacking)}")
    if wrong:
        raise ValueError(f"{len(wrong)} results cannot be published: {'; '.join(wrong[:3])}.")


def write_board(world: World, rows: Sequence[Row], state: State, folder: Path) -> Board:
    """Write a board as JSON and Markdown, from scores whose videos have been removed."""
    labels = [row.label for row in rows]
    board = make_board(
        state.results, world.dataset, metrics=world.metrics, methods=labels, check_videos=False
    )
    write_text(folder / "board.json", to_json(board))
    write_text(folder / "board.md", to_markdown(board))
    return board


def write_selectivity(world: World, rows: Sequence[Row], state: State, folder: Path) -> list[str]:
    """Write selectivity as tables, data and a plot; return a note for each missing number."""
    asked = [row.label for row in rows if len(row.references) > 1]
    labels = [label for label in asked if _has_other_references(state.results / label, world)]
    lacking = [label for label in asked if label not in labels]
    notes = [f"{world.name}: {label} has no results of another reference." for label in lacking]
    if not labels:
        return notes
    report = selectivity_report(state.results, world.dataset, labels, check_videos=False)
    write_text(folder / "selectivity.md", selectivity_markdown(report))
    write_text(folder / "selectivity.csv", selectivity_csv(report))
    write_text(folder / "selectivity.json", to_json(report))
    draw_selectivity(report, folder / "selectivity.png")
    return [*notes, *(f"{world.name}, selectivity: {note}" for note in report.notes)]


def _has_other_references(folder: Path, world: World) -> bool:
    """Whether a method has results with a reference other than the clips' own motion."""
    return any((folder / world.dataset).glob(f"*/*/seed-*-*/{RECORD}"))


def write_sample(plan: Plan, rows: Sequence[Row], state: State, output: Path) -> list[str]:
    """Pack a lossless video of each row's sample as a submission, and verify each submission.

    Controls that imitate a submission (near copies, traces on a still) have no sample, because
    `smmbench verify` must reject them.

    Raises:
        ValueError: A submission is not verified.
    """
    notes, refused = [], []
    for row in rows:
        path = output / f"{row.world}-{row.label}.zip"
        with tempfile.TemporaryDirectory() as place:
            if not _copy_sample(plan, row, state, Path(place)):
                notes.append(f"{row.name} has no sample: this folder has none of its videos.")
                continue
            method = read_method(Path(place) / row.label)
            if method and method.card.kind == "control" and row.label not in CONTROLS:
                refused.append(row.name)
                continue
            dataset = plan.worlds[row.world].dataset
            submit(Path(place) / row.label, path, dataset, allow_partial=True, facts=FACTS)
        report = verify(path)
        if report.verdict != "verified":
            raise ValueError(f"The sample '{path}' is not verified: {'; '.join(report.problems)}.")
    if refused:
        notes.append(f"No sample of controls that `verify` must reject: {', '.join(refused)}.")
    return notes + _too_large(output, SAMPLE)


def _copy_sample(plan: Plan, row: Row, state: State, place: Path) -> bool:
    """Copy the first video of a row's sample into a results folder; return whether there is one."""
    sample = plan.worlds[row.world].sample_pairs
    for task in plan.tasks([replace(row, references=("forward",))]):
        for pair, folder in folders_of(task, plan, state):
            if pair in sample and (folder / VIDEO).is_file():
                target = place / folder.relative_to(state.results)
                target.mkdir(parents=True)
                for name in (RECORD, SCORES, VIDEO):
                    shutil.copy2(folder / name, target / name)
                shutil.copy2(state.results / row.label / METHOD, place / row.label / METHOD)
                return True
    return False


def _refuse_rehearsal(plan: Plan, ledger: Path) -> None:
    """Reject any plan but that of the board of record for the ledger of this installation."""
    own = ledger_folder(PUBLISHED).resolve() == ledger.resolve()
    if own and plan.sha256 != read_plan(PLAN).sha256:
        raise ValueError(
            f"This plan is not that of the board of record ('{PLAN.name}'), and only rows of that "
            "plan go into the published ledger: name another folder with --ledger."
        )


def _too_large(folder: Path, limit: int) -> list[str]:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size <= limit:
        return []
    return [f"'{folder}' has {size / 2**20:.1f} MiB; the limit is {limit / 2**20:.0f} MiB."]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
