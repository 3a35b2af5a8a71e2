"""Run the experiment and write its tables.

    python -m smmbench_research.emoji.validation --output DIR

Writes `validation.md` and prints it. There are two clips per family, 850 outputs in all.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import torch

from smmbench.storage.atomic import write_text
from smmbench_research.emoji.validation import tables
from smmbench_research.emoji.validation.material import FAMILIES, TRACKERS, Case, draw_cases

GRID, OTHER_GRIDS = 30, (10, 20)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render clips, track them, compare the scores, and write the tables."""
    parser = argparse.ArgumentParser(description="Motion fidelity against known motion.")
    parser.add_argument("--output", type=Path, required=True, help="Folder of validation.md.")
    parser.add_argument("--clips", type=int, default=2, help="Of each family of motion.")
    parser.add_argument("--seed", type=int, default=0, help="Of everything that is drawn.")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="Processes.")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    asked = parser.parse_args(arguments)
    begun = time.perf_counter()
    drawn = {}
    for grid in (GRID, *OTHER_GRIDS):
        trackers = TRACKERS if grid == GRID else ("dis",)
        drawn[grid] = _drawn(asked, grid, trackers)
        print(f"grid {grid}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    lines = list(_page(drawn))
    print(f"all: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    text = "\n".join(lines) + "\n"
    asked.output.mkdir(parents=True, exist_ok=True)
    write_text(asked.output / "validation.md", text)
    print(text)


def _drawn(asked: argparse.Namespace, grid: int, trackers: tuple[str, ...]) -> list[Case]:
    """Return the cases of every family, each with a separate random generator."""
    draw = partial(_family, clips=asked.clips, grid=grid, trackers=trackers, seed=asked.seed)
    if asked.workers == 1:
        return [case for family in asked.families for case in draw(family)]
    with ProcessPoolExecutor(asked.workers) as pool:
        return [case for some in pool.map(draw, asked.families) for case in some]


def _family(family: str, clips: int, grid: int, trackers: tuple[str, ...], seed: int) -> list[Case]:
    torch.set_num_threads(1)
    return list(draw_cases(family, clips, grid, trackers, seed))


def _page(drawn: dict[int, list[Case]]) -> Iterator[str]:
    cases = drawn[GRID]
    outputs = sum(len(case.outputs) for case in cases)
    yield f"{len(cases)} sources, {outputs} outputs.\n"
    yield "## Conventions, tracks by dis\n"
    yield from tables.variants_table(cases, "dis")
    yield "\n## Conventions, true tracks\n"
    yield from tables.variants_table(cases, "known")
    yield "\n## Trackers\n"
    yield from tables.trackers_table(cases, TRACKERS)
    yield "\n## Grids, tracks by dis\n"
    yield from tables.grids_table(dict(drawn), "dis")
    yield "\n## Outputs\n"
    yield from tables.outputs_table(cases, TRACKERS)
    yield "\n## Trackers against the truth\n"
    yield from tables.errors_table(cases, TRACKERS)


if __name__ == "__main__":
    main()
