"""A sweep on several GPUs in one command, bounded in time.

    python -m smmbench_research.emoji.laboratory.job tune --gpus 2 --per-gpu 2 --seconds 420 \
        --end 520 --output DIR --edits 1 --set guidance=6

Options that are not its own go to `sweep`. Writes `DIR/tune.jsonl` and the logs of the processes,
`DIR/tune-0.log` and so on. The same command goes on from what is there.

Exit code: 0 nothing failed, 1 a setting or a process failed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from smmbench_research.emoji.laboratory import sweep
from smmbench_research.emoji.laboratory.processes import (
    Places,
    add_options,
    cards,
    python,
    threads_each,
)
from smmbench_research.emoji.laboratory.settings import SETS

SWEEP = "smmbench_research.emoji.laboratory.sweep"


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the processes, wait for them, put their rows together."""
    options, for_sweep = _parser().parse_known_args(arguments)
    where = cards(options.gpus, options.per_gpu)
    threads = threads_each(len(where))
    places = Places(where, threads, options.output, options.end)
    to_sweep = [
        options.which,
        *("--device", "cuda" if options.gpus else "cpu"),
        *("--output", options.output / f"{options.which}.jsonl"),
        *("--since", time.time()),
        *for_sweep,
    ]
    command = python(SWEEP, *to_sweep, "--seconds", options.seconds, "--trackers", threads)
    names = [f"{options.which}-{place}" for place in range(places.count)]
    with ThreadPoolExecutor(places.count) as starters:
        outcomes = list(starters.map(lambda name: places.run(name, command), names))
    for name, outcome in zip(names, outcomes, strict=True):
        if outcome:
            print(f"{name}: {outcome}; see {options.output / name}.log", file=sys.stderr)
    # Begins nothing: rows of processes that were ended are put with the others, what is left named.
    code = sweep.main([*map(str, to_sweep), "--seconds", "0"])
    return 1 if code or any(outcome.startswith("exit") for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("which", choices=list(SETS))
    add_options(parser, "setting")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
