"""Measure outputs, set and judge thresholds, and attack the rules.

python -m smmbench_research.emoji.gaming measure results/ --output rows.jsonl.gz
python -m smmbench_research.emoji.gaming adapt results/ --output adaptive.jsonl.gz
python -m smmbench_research.emoji.gaming tables rows.jsonl.gz adaptive.jsonl.gz

`results/` holds videos of every method on `emoji-val`, `text-only` among them: its middle frames
are the stills of all constructions.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from smmbench_research.emoji.gaming import tables
from smmbench_research.emoji.gaming.constructions import FAMILIES
from smmbench_research.emoji.gaming.measuring import Bench, Row, rows_of, searched, stills_of


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked."""
    asked = _parser().parse_args(arguments)
    if asked.what == "tables":
        print("\n".join(tables.page(read(asked.rows))))
        return
    bench = Bench(asked.dataset)
    if asked.what == "measure":
        write(asked.output, rows_of(asked.results, bench, asked.families))
    else:
        stills = stills_of(asked.results, bench)
        write(asked.output, searched(bench, stills, asked.clips, asked.steps))


def read(paths: Sequence[Path]) -> pd.DataFrame:
    """Rows of files of JSON lines, gzipped."""
    lines = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    return pd.DataFrame([json.loads(line) for line in lines])


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as gzipped JSON lines, all of them or no file; the same rows, the same bytes."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    for name in ("measure", "adapt"):
        command = what.add_parser(name)
        command.add_argument("results", type=Path, help="a results folder")
        command.add_argument("--dataset", default="emoji-val")
        command.add_argument("--output", type=Path, required=True, help="gzipped JSON lines")
        if name == "measure":
            command.add_argument("--families", nargs="+", choices=FAMILIES, default=())
        else:
            command.add_argument("--clips", type=int, default=13, help="at most so many")
            command.add_argument("--steps", type=int, default=40, help="outputs tried a search")
    what.add_parser("tables").add_argument("rows", type=Path, nargs="+")
    return parser


if __name__ == "__main__":
    main()
