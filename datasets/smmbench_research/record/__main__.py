r"""The board of record: every method and control of both embedded worlds, in one run.

    python -m smmbench_research.record plan
    python -m smmbench_research.record make --gpus 4 --per-gpu 4 --seconds 590 --pack shards
    python -m smmbench_research.record unpack shards/*.tar
    python -m smmbench_research.record publish --name 2026-12-01-board --by NAME --output published
    python -m smmbench_research.record regenerate emoji/smm --gpus 1

`make` generates the videos of each batch, scores them on the same machine, and removes them, except
for previews and a small sample. Repeat the command to resume; a finished batch is never lost,
however the run ended. datasets/docs/record.md describes how the board of record is made with it.

Exit codes: 0 everything is done, 1 something is left or differs, 2 incorrect usage.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from smmbench.display import print_line
from smmbench.storage.atomic import write_text
from smmbench_research.record import estimating, shards
from smmbench_research.record.elsewhere import done_here, read_elsewhere, take_tuned
from smmbench_research.record.making import Machine, Making, keys_of
from smmbench_research.record.plan import PLAN, Plan, Row, read_plan
from smmbench_research.record.state import State, folders_of

PACKING = 30.0  # seconds reserved for packing at the end
TUNED = Path(__file__).parent / "tuned"
"""Settings that the searches chose for the published boards."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name, and return its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.do(asked)
    except (ValueError, LookupError) as error:
        print_line(f"Error: {error}", err=True)
        return 2
    return code


def print_plan(asked: argparse.Namespace) -> int:
    """Print the rows with their pairs, cost, and remaining work."""
    plan, rows, state = _of(asked)
    elsewhere = read_elsewhere(asked.done)
    take_tuned(elsewhere, rows, state)
    keys = keys_of(rows, plan, state)
    found = estimating.estimates(rows, plan, state, keys, elsewhere.keys)
    for line in estimating.lines_of(
        found, asked.gpus, asked.per_gpu, _scorers(asked), asked.seconds - PACKING
    ):
        print_line(line)
    return 0


def make(asked: argparse.Namespace) -> int:
    """Generate and score the remaining batches, and pack them if asked to."""
    began = time.monotonic()
    plan, rows, state = _of(asked)
    reserve = PACKING if asked.pack else 0.0
    machine = Machine(
        gpus=asked.gpus,
        per_gpu=asked.per_gpu,
        scorers=_scorers(asked),
        seconds=asked.seconds - reserve - (time.monotonic() - began),
    )
    elsewhere = read_elsewhere(asked.done)
    take_tuned(elsewhere, rows, state)
    made = Making(plan, asked.plan, state, machine, frozenset(elsewhere.keys)).run(rows)
    for problem in made.problems:
        print_line(problem, err=True)
    if made.left:
        print_line(f"{len(made.left)} batches are left: repeat the command to resume.", err=True)
    print_line(f"Generated {made.made} batches in {time.monotonic() - began:.0f} s.", err=True)
    if asked.pack and made.made:
        asked.output = asked.pack
        pack(asked)
    return 1 if made.left or made.problems else 0


def pack(asked: argparse.Namespace) -> int:
    """Pack the finished batches into shards."""
    plan, rows, state = _of(asked)
    size = int(asked.max_mib * 2**20)
    elsewhere = read_elsewhere(asked.done).keys
    packed = shards.pack(plan, rows, state, asked.output, size, asked.files, elsewhere)
    total = sum(path.stat().st_size for path in packed.files)
    print_line(
        f"Wrote {len(packed.files)} files, {total / 2**20:.1f} MiB, with {packed.tasks} batches, "
        f"into '{asked.output}'.",
        err=True,
    )
    if packed.left_out:
        print_line(
            f"No space for {len(packed.left_out)} items: {', '.join(packed.left_out[:5])}", err=True
        )
    return 1 if packed.left_out else 0


def unpack(asked: argparse.Namespace) -> int:
    """Unpack shards, and write for the next machine which batches are done."""
    plan, rows, state = _of(asked)
    found = shards.unpack(asked.shards, plan, rows, state)
    done = done_here(plan, plan.rows, state)
    path = state.folder / "done.json"
    write_text(path, done.model_dump_json(indent=1) + "\n")
    print_line(
        f"{len(found.taken)} batches are new, {len(found.there)} were already here; "
        f"{len(done.keys)} in total. '{path}' lists them, for `make --done`.",
        err=True,
    )
    return 0


def publish(asked: argparse.Namespace) -> int:
    """Write the boards, tables, sites and sample, and add the boards to a ledger."""
    from smmbench_leaderboard.ledger.location import ledger_folder
    from smmbench_research.record import publishing

    plan, rows, state = _of(asked)
    wanted = publishing.Wanted(
        name=asked.name,
        by=asked.by,
        ledger=ledger_folder(asked.ledger),
        output=asked.output,
        partial=asked.partial,
    )
    for note in publishing.publish(plan, rows, state, wanted, _tell):
        print_line(note)
    return 0


def regenerate(asked: argparse.Namespace) -> int:
    """Regenerate the videos of a row, and compare their pixels with the published ones."""
    from smmbench_research.record import regenerating

    for option, file in (("--tuned", asked.tuned), ("--entry", asked.entry)):
        if file is not None and not file.is_file():
            raise ValueError(f"'{file}', given as {option}, is not a file.")
    plan, state = read_plan(asked.plan), State(asked.folder.absolute())
    row = replace(plan.row(asked.name), references=(asked.reference,))
    if asked.batches is not None:
        plan = first_batches(plan, row, asked.batches)
    again = State(asked.again.absolute())
    if row.search and not again.tuned(row).is_file():
        again.tuned(row).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asked.tuned or chosen_settings(row, state), again.tuned(row))
    published = (
        regenerating.from_results(plan, state)
        if asked.entry is None
        else regenerating.from_entry(asked.entry, row)
    )
    tasks = plan.tasks([row])
    pairs = ((task, pair) for task in tasks for pair, _ in folders_of(task, plan, again))
    if not any(published(task, pair) for task, pair in pairs):
        raise ValueError(
            f"'{asked.entry or state.folder}' has no pair of '{row.name}' with the reference "
            f"'{asked.reference}', so there is nothing to compare. An entry of the ledger has the "
            "clips' own motion ('forward') only; other references need the folder of a run."
        )
    machine = Machine(asked.gpus, asked.per_gpu, _scorers(asked), asked.seconds)
    batches = regenerating.together(plan, tasks, again, published)
    made = Making(plan, asked.plan, again, machine, together=batches).run([row])
    for problem in made.problems:
        print_line(problem, err=True)
    found = regenerating.compare(plan, tasks, again, published)
    for line in found.lines():
        print_line(line)
    return 0 if found.same else 1


def carry(asked: argparse.Namespace) -> int:
    """Write a folder from which `make` can run."""
    from smmbench_research.record.carrying import carry as carried

    size = carried(read_plan(asked.plan), asked.world, asked.output)
    print_line(f"Wrote '{asked.output}', {size / 2**20:.1f} MiB.", err=True)
    return 0


def chosen_settings(row: Row, state: State) -> Path:
    """The file with the settings that a row's search chose: of a run, or of the published boards.

    Raises:
        ValueError: There is no such file.
    """
    own, published = state.tuned(row), TUNED / state.tuned(row).name
    for path in (own, published):
        if path.is_file():
            return path
    raise ValueError(
        f"The settings of '{row.name}' were chosen by a search, and neither '{own}' nor "
        f"'{published}' exists. Name the file with --tuned."
    )


def first_batches(plan: Plan, row: Row, count: int) -> Plan:
    """The plan with only the first batches of a row's world, unchanged from the full plan."""
    world = plan.worlds[row.world]
    few = replace(world, only=tuple(world.clip_names[: count * world.clips]))
    return replace(plan, worlds={**plan.worlds, row.world: few})


def _tell(line: str) -> None:
    print_line(line, err=True)


def _of(asked: argparse.Namespace) -> tuple[Plan, list[Row], State]:
    plan = read_plan(asked.plan)
    return plan, plan.chosen(asked.world, asked.row, asked.without), State(asked.folder.absolute())


def _scorers(asked: argparse.Namespace) -> int:
    cores = os.cpu_count() or 1
    makers = max(asked.gpus, 1) * asked.per_gpu
    return asked.scorers or max(1, cores - makers // 2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smmbench_research.record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_subparsers(required=True)
    for do, name, does in (
        (print_plan, "plan", "print the rows with their pairs, cost, and remaining work"),
        (make, "make", "generate and score the remaining batches"),
        (pack, "pack", "pack the finished batches into shards, to copy to another machine"),
        (unpack, "unpack", "unpack shards into the folder of the run"),
    ):
        command = what.add_parser(name, help=does, description=does)
        command.set_defaults(do=do)
        add_common(command)
        if name in ("plan", "make"):
            add_machine(command)
        if name == "make":
            command.add_argument(
                "--pack", type=Path, help="folder to pack the finished batches into at the end"
            )
        if name in ("plan", "make", "pack"):
            command.add_argument(
                "--done", type=Path, help="done.json of `unpack`: batches that are done elsewhere"
            )
        if name == "pack":
            command.add_argument("--output", type=Path, required=True, help="folder for the shards")
        if name in ("make", "pack"):
            command.add_argument(
                "--max-mib", type=float, default=16, help="maximum size of a shard"
            )
            command.add_argument("--files", type=int, default=8, help="maximum number of shards")
        if name == "unpack":
            command.add_argument("shards", type=Path, nargs="+", help="files that `pack` wrote")
    command = what.add_parser(
        "publish", help="write boards, tables, sites and sample, and add to a ledger"
    )
    command.set_defaults(do=publish)
    add_common(command)
    command.add_argument("--name", required=True, help="name of the entries: a date and a subject")
    command.add_argument("--by", required=True, help="organiser who assigns the trust tier")
    command.add_argument(
        "--ledger", default="published", help="folder of the ledger; default: the published one"
    )
    command.add_argument("--output", type=Path, required=True, help="folder to write")
    command.add_argument(
        "--partial", action="store_true", help="publish even if batches are missing"
    )
    command = what.add_parser("regenerate", help="regenerate a row and compare its pixels")
    command.set_defaults(do=regenerate)
    command.add_argument("name", help="name of the row, such as emoji/smm")
    command.add_argument(
        "--entry", type=Path, help="ledger entry to compare with, instead of the run's folder"
    )
    command.add_argument(
        "--again", type=Path, default=Path("record-again"), help="folder for the new videos"
    )
    command.add_argument("--batches", type=int, help="only the first BATCHES batches")
    command.add_argument("--reference", default="forward", help="the reference given to the method")
    command.add_argument(
        "--tuned",
        type=Path,
        help="file with the settings that the search chose; default: published",
    )
    command.add_argument("--plan", type=Path, default=PLAN, help="table of rows")
    command.add_argument("--folder", type=Path, default=Path("record"), help="folder of the run")
    add_machine(command)
    command = what.add_parser("carry", help="write a folder from which `make` can run")
    command.set_defaults(do=carry)
    command.add_argument("--plan", type=Path, default=PLAN, help="table of rows")
    command.add_argument("--world", action="append", default=[], help="only this world; repeatable")
    command.add_argument("--output", type=Path, required=True, help="folder to write")
    return parser


def add_common(command: argparse.ArgumentParser) -> None:
    """Add the options of every command: the plan, the run's folder, and which rows."""
    command.add_argument("--plan", type=Path, default=PLAN, help="table of rows")
    command.add_argument("--folder", type=Path, default=Path("record"), help="folder of the run")
    command.add_argument(
        "--world",
        action="append",
        default=[],
        help="only this world; repeatable, worlds come in the order given",
    )
    command.add_argument("--row", action="append", default=[], help="only this row; repeatable")
    command.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="ROW",
        help="leave out this row; repeatable",
    )


def add_machine(command: argparse.ArgumentParser) -> None:
    """Add the options of commands that generate videos or estimate their cost."""
    command.add_argument("--gpus", type=int, default=1, help="number of GPUs; 0: use the CPU")
    command.add_argument("--per-gpu", type=int, default=4, help="processes per GPU")
    command.add_argument(
        "--scorers", type=int, help="processes that score; default: from the number of CPU cores"
    )
    command.add_argument(
        "--seconds", type=float, default=float("inf"), help="time limit for the whole command"
    )


if __name__ == "__main__":
    sys.exit(main())
