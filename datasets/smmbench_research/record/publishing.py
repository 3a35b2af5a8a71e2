"""From what was brought back to what is published: boards, ledger, sites, tables, the sample."""

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
"""Bytes that the site of the ledger, the site with previews, and the sample may have."""

FACTS = {
    "authors": "The authors of the method; run by the organisers of smmbench",
    "contact": "The organisers of smmbench",
    "licence": "Apache-2.0",
    "seen": "The models of this world were trained on other clips of it; settings were searched on "
    "its validation set",
    "paper": "smmbench",
}
"""What the card of a sample says where the method's own does not."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be published.

    Attributes:
        name: Of the entries in the ledger, such as `2026-12-01-board`.
        by: Organiser who gives the rows their trust tier.
        ledger: Its folder.
        output: Folder of everything that is written.
        partial: Whether batches may be missing; their pairs count as worst, or rows stand apart.
    """

    name: str
    by: str
    ledger: Path
    output: Path
    partial: bool = False


def publish(plan: Plan, rows: Sequence[Row], state: State, wanted: Wanted, tell: Tell) -> list[str]:
    """Check everything, write everything, and give what a reader must know.

    Raises:
        ValueError: Batches are missing, a score is of another video or version, a rehearsal is to
            go into the published ledger, or an entry of this name is there.
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
            f"{len(left)} batches are missing, such as '{left[0].name}'; or say --partial."
        )
    with held(state.folder):  # not while they are made
        for task in left:
            clear(task, plan, state)  # half a batch is none: `make` makes it whole again
    notes = [f"{len(left)} batches are missing."] if left else []
    tell("Checking scores.")
    check_scores(done_tasks, plan, state)
    costs = {one.row.name: one for one in estimates(rows, plan, state, keys)}
    done = {task.name: one for task in tasks if (one := state.done(task)) is not None}
    names = list(dict.fromkeys(row.world for row in rows))
    boards: dict[str, Board] = {}
    for name in names:
        tell(f"The board of {name}.")
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
    tell("The sample.")
    notes += write_sample(plan, rows, state, wanted.output / "sample")
    for name in names:
        facts = EntryFacts(tier="organisers", by=wanted.by)
        path = add_board(wanted.ledger, wanted.name, wanted.output / name / "board.json", facts)
        tell(f"Wrote {path}, {path.stat().st_size} bytes.")
    seal(wanted.ledger)
    datasets = [plan.worlds[name].dataset for name in names]
    tell("The site of the ledger.")
    small = wanted.output / "site-small"
    site_of_ledger(wanted.ledger, small, datasets, small=True)
    notes += _too_large(small, SMALL_SITE)
    tell("The site with previews.")
    site = wanted.output / "site"
    if (state.folder / "media").is_dir():
        shutil.copytree(state.folder / "media", site / "media", dirs_exist_ok=True)
    site_of_results(state.results, site, datasets, check_videos=False)
    return notes + _too_large(site, SITE)


def check_scores(tasks: Sequence[Task], plan: Plan, state: State) -> None:
    """Refuse scores that are not of the very video of their record, or not of today's metrics.

    Args:
        tasks: Batches that are done.
        plan: Their plan.
        state: The run's folder.

    Raises:
        ValueError: There is one; the message names it and says how many.
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
            wrong.append(f"'{folder}' has no number of {', '.join(lacking)} of this version")
    if wrong:
        raise ValueError(f"{len(wrong)} results cannot be published: {'; '.join(wrong[:3])}.")


def write_board(world: World, rows: Sequence[Row], state: State, folder: Path) -> Board:
    """Write a board as JSON and Markdown; videos are gone, and their scores hold."""
    labels = [row.label for row in rows]
    board = make_board(
        state.results, world.dataset, metrics=world.metrics, methods=labels, check_videos=False
    )
    write_text(folder / "board.json", to_json(board))
    write_text(folder / "board.md", to_markdown(board))
    return board


def write_selectivity(world: World, rows: Sequence[Row], state: State, folder: Path) -> list[str]:
    """Write selectivity as a table, its parts, data and a plot; say where it has no number."""
    asked = [row.label for row in rows if len(row.references) > 1]
    labels = [label for label in asked if _has_other_references(state.results / label, world)]
    lacking = [label for label in asked if label not in labels]
    notes = [f"{world.name}: {label} was given no other reference yet." for label in lacking]
    if not labels:
        return notes
    report = selectivity_report(state.results, world.dataset, labels, check_videos=False)
    write_text(folder / "selectivity.md", selectivity_markdown(report))
    write_text(folder / "selectivity.csv", selectivity_csv(report))
    write_text(folder / "selectivity.json", to_json(report))
    draw_selectivity(report, folder / "selectivity.png")
    return [*notes, *(f"{world.name}, selectivity: {note}" for note in report.notes)]


def _has_other_references(folder: Path, world: World) -> bool:
    """Whether a method has results of another reference than the clips' own motion."""
    return any((folder / world.dataset).glob(f"*/*/seed-*-*/{RECORD}"))


def write_sample(plan: Plan, rows: Sequence[Row], state: State, output: Path) -> list[str]:
    """Pack a lossless video of each row's sample as a submission, and verify each.

    Controls that imitate a submission (near copies, traces on a still) have none: `smmbench verify`
    is there to refuse them.

    Raises:
        ValueError: One does not verify.
    """
    notes, refused = [], []
    for row in rows:
        path = output / f"{row.world}-{row.label}.zip"
        with tempfile.TemporaryDirectory() as place:
            if not _copy_sample(plan, row, state, Path(place)):
                notes.append(f"{row.name} has no sample: none of its videos is here.")
                continue
            method = read_method(Path(place) / row.label)
            if method and method.card.kind == "control" and row.label not in CONTROLS:
                refused.append(row.name)
                continue
            dataset = plan.worlds[row.world].dataset
            submit(Path(place) / row.label, path, dataset, allow_partial=True, facts=FACTS)
        report = verify(path)
        if report.verdict != "verified":
            raise ValueError(f"The sample '{path}' does not verify: {'; '.join(report.problems)}.")
    if refused:
        notes.append(f"Controls that no submission may be, without a sample: {', '.join(refused)}.")
    return notes + _too_large(output, SAMPLE)


def _copy_sample(plan: Plan, row: Row, state: State, place: Path) -> bool:
    """Copy one video of a row's sample, the first, into a results folder; whether there is any."""
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
    """Only the plan of record goes into the ledger that came with this installation."""
    own = ledger_folder(PUBLISHED).resolve() == ledger.resolve()
    if own and plan.sha256 != read_plan(PLAN).sha256:
        raise ValueError(
            f"This plan is not that of the board of record ('{PLAN.name}'), whose rows alone go "
            "into the published ledger: name another folder by --ledger."
        )


def _too_large(folder: Path, limit: int) -> list[str]:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size <= limit:
        return []
    return [f"'{folder}' has {size / 2**20:.1f} MiB, more than {limit / 2**20:.0f}."]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
