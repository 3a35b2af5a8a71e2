"""Measure outputs, set and judge thresholds, and attack the rules.

    python -m smmbench_research.emoji.gaming measure results/ --output rows.jsonl.gz
    python -m smmbench_research.emoji.gaming adapt results/ --output adaptive.jsonl.gz
    python -m smmbench_research.emoji.gaming tables rows.jsonl.gz adaptive.jsonl.gz
    python -m smmbench_research.emoji.gaming picture results/ adaptive.jsonl.gz --output a.jpg

`results/` holds videos of every method on `emoji-val`, including `text-only`, whose middle frames
are the stills of all constructions. Scores that `smmbench score` stored there are reused.

`measure` and `adapt` work in `--workers` processes and begin no further task after `--seconds`. The
same command then resumes from `<output>.tasks`, which has one line per finished task.

Exit code: 0 everything is done, 1 some tasks are left.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from smmbench.storage.atomic import atomic_path
from smmbench_research.emoji.gaming import picture, tables
from smmbench_research.emoji.gaming.adaptive import ATTACKS
from smmbench_research.emoji.gaming.constructions import FAMILIES
from smmbench_research.emoji.gaming.measuring import (
    RESULTS,
    Row,
    one_thread,
    rows_of,
    to_attack,
    to_measure,
)
from smmbench_research.emoji.gaming.resuming import left_of, rows_of_tasks
from smmbench_research.emoji.laboratory.tables import text_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the parts."""
    asked = _parser().parse_args(arguments)
    if asked.what == "tables":
        print("\n".join(tables.page(read(asked.rows))))
        return 0
    if asked.what == "picture":
        picture.write(asked.output, asked.results, asked.dataset, read([asked.rows]), asked.clips)
        return 0
    if asked.what == "measure":
        tasks = to_measure(asked.results, asked.dataset, asked.families)
    else:
        clips, steps = asked.clips, asked.steps
        tasks = to_attack(asked.results, asked.dataset, asked.attacks, clips, steps)
    log = asked.output.with_name(f"{asked.output.name}.tasks")
    rows = rows_of_tasks(tasks, rows_of, log, asked.workers, asked.seconds, one_thread)
    if rows is None:
        left = left_of(tasks, log)
        print(f"{left} of {len(tasks)} tasks are left: run the same again.", file=sys.stderr)
        return 1
    write(asked.output, rows)
    return 0


def read(paths: Sequence[Path]) -> pd.DataFrame:
    """Read the rows of gzipped files of JSON lines."""
    lines = [line for path in paths for line in text_of(path).splitlines()]
    return pd.DataFrame([json.loads(line) for line in lines])


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as gzipped JSON lines, atomically; equal rows give equal bytes."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    for name, does in (
        ("measure", "motion fidelity and marks of results, and of constructions over their stills"),
        ("adapt", "search for outputs that score and are not marked"),
        ("picture", "draw the outputs that were found by `adapt`"),
    ):
        command = what.add_parser(name, help=does, description=does)
        command.add_argument("results", type=Path, help="a results folder")
        if name == "picture":
            command.add_argument("rows", type=Path, help="what `adapt` wrote")
        command.add_argument("--dataset", default="emoji-val", help="of the results")
        command.add_argument("--output", type=Path, required=True, help="file that is written")
        if name != "picture":
            command.add_argument("--workers", type=int, default=1, help="processes")
            command.add_argument(
                "--seconds", type=float, default=float("inf"), help="then begin no other task"
            )
        if name == "measure":
            some = (RESULTS, *FAMILIES)
            command.add_argument(
                "--families", nargs="+", choices=some, default=(), help="only these"
            )
        else:
            command.add_argument("--clips", type=int, default=13, help="at most so many")
        if name == "adapt":
            command.add_argument("--steps", type=int, default=40, help="outputs tried a search")
            names = [attack.name for attack in ATTACKS]
            command.add_argument(
                "--attacks", nargs="+", choices=names, default=(), help="only these"
            )
    rows = what.add_parser("tables", help="all tables of the page, as Markdown")
    rows.add_argument("rows", type=Path, nargs="+", help="what `measure` and `adapt` wrote")
    return parser


if __name__ == "__main__":
    sys.exit(main())
