"""Searches, ablations and other validation boards on several GPUs, bounded in time.

    python -m smmbench_research.emoji.laboratory.board --gpus 2 --per-gpu 2 --scorers 12 \
        --seconds 380 --end 480 --results results --output DIR

Each method is one `smmbench run`, the longest first. When its videos are generated, it is scored by
`smmbench score` and measured by the held-out evaluators (`witness`) while the next one runs. DIR
receives board.json, board.md, cards.md, witness.jsonl.gz, sheets.tar, videos-1.tar (and -2) and
logs.tar.gz. Logs and intermediate rows are in `<results>.laboratory/`. The same command resumes; a
method that fails is named at the end and does not stop the others.

The rows are the presets of all methods or, with `--sets tune` (`ablate`, `inversion`), one row per
setting of that set; with `--finals witness.jsonl.gz --keep 3` only the best settings of each method
in that file. All of it uses validation sets; `smmbench_research.record` makes the boards that rank.

Exit code: 0 everything is done, 1 something failed or is left.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from smmbench.dataset import load_dataset
from smmbench_research.emoji.laboratory.parcel import (
    write_folder,
    write_rows,
    write_sheets,
    write_videos,
)
from smmbench_research.emoji.laboratory.processes import (
    Places,
    add_options,
    cards,
    python,
    smmbench,
    threads_each,
)
from smmbench_research.emoji.laboratory.settings import (
    BOARD,
    CONTROLS,
    SETS,
    Setting,
    distinct,
    longest_first,
)
from smmbench_research.emoji.laboratory.tables import ranked, read_rows

WITNESS = "smmbench_research.emoji.laboratory.witness"


class Shop:
    """Generates, scores and measures methods in parallel.

    Args:
        options: Options of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.began = options, time.monotonic()
        self.device = "cuda" if options.gpus else "cpu"
        state = options.results.with_name(f"{options.results.name}.laboratory")
        self.logs, self.witness = state / "logs", state / "witness"
        self.witness.mkdir(parents=True, exist_ok=True)
        makers = cards(options.gpus, options.per_gpu)
        seers = (cards(options.gpus, options.scorers) or [""])[: options.scorers]
        self.threads = threads_each(len(makers) + len(seers))
        self.makers = Places(makers, self.threads, self.logs, options.end)
        self.seers = Places(seers, self.threads, self.logs, options.end)
        self.problems: list[str] = []

    def work(self, rows: Sequence[Setting]) -> None:
        """Process all rows, and collect errors in `problems`."""
        with (
            ThreadPoolExecutor(self.seers.count) as seeing,
            ThreadPoolExecutor(self.makers.count) as making,
        ):

            def make(row: Setting) -> None:
                if self.make(row):
                    seeing.submit(self.see, row)

            list(making.map(make, rows))

    def make(self, row: Setting) -> bool:
        """Generate a row's videos, and return whether there is anything to score."""
        options = self.options
        if time.monotonic() - self.began > options.seconds:
            self.problems.append(f"{row.name}: left, as the time was over")
            return (options.results / row.name).is_dir()
        command = smmbench(
            *("run", "--method", row.method, "--label", row.name, "--dataset", options.dataset),
            *("--device", self.device, "--batch", options.batch, "--output", options.results),
            *(part for seed in options.seed for part in ("--seed", seed)),
            *(("--limit", options.limit) if options.limit else ()),
            *(part for change in (*options.set, *row.changes) for part in ("--set", change)),
        )
        self._run(self.makers, f"make-{row.name}", command)
        return (options.results / row.name).is_dir()

    def see(self, row: Setting) -> None:
        """Score a row's videos, and measure them with the held-out evaluators."""
        options, folder = self.options, self.options.results / row.name
        about = ("--dataset", options.dataset, "--device", self.device)
        score = smmbench("score", folder, *about)
        self._run(self.seers, f"score-{row.name}", score)
        if options.no_witness:
            return
        second = ("--second-tracker", "lucas-kanade", "--threads", self.threads)
        rows = ("--output", self.witness / f"{row.name}.jsonl")
        self._run(
            self.seers, f"witness-{row.name}", python(WITNESS, folder, *about, *second, *rows)
        )

    def close(self, labels: Sequence[str]) -> None:
        """Write the board, the rows, sheets and videos."""
        options, output = self.options, self.options.output
        output.mkdir(parents=True, exist_ok=True)
        places = Places([""] * 3, self.threads, self.logs)  # no time limit, no GPU
        board = ("leaderboard", options.results, "--dataset", options.dataset)
        with ThreadPoolExecutor(places.count) as writing:
            for kind, name in (("json", "board.json"), ("markdown", "board.md"), ("cards",) * 2):
                path = output / (name if "." in name else f"{name}.md")
                command = smmbench(*board, "--format", kind, "--output", path)
                writing.submit(self._run, places, f"write-{kind}", command)
            dataset, seed = load_dataset(options.dataset), options.seed[0]
            write_rows(output / "witness.jsonl.gz", sorted(self.witness.glob("*.jsonl")))
            about = (options.results, dataset)
            for label in write_sheets(output / "sheets.tar", *about, labels, seed):
                self.problems.append(f"{label}: no sheet, as it has no videos")
            shown = [label for label in labels if label not in CONTROLS]
            count = write_videos(output, *about, shown, seed)
            print(f"Videos of {count} pairs a method are kept.", file=sys.stderr)
        write_folder(output / "logs.tar.gz", self.logs)

    def _run(self, places: Places, name: str, command: Sequence[str]) -> None:
        began = time.monotonic()
        if why := places.run(name, command):
            self.problems.append(f"{name}: {why}; see {self.logs / name}.log")
        now = time.monotonic()
        print(
            f"{now - self.began:.0f} s: {name}, {now - began:.0f} s {why}",
            file=sys.stderr,
            flush=True,
        )


def chosen_rows(names: Sequence[str], added: Sequence[str]) -> list[Setting]:
    """Return rows of the board by label (empty: all), and others as `LABEL=METHOD NAME=VALUE`.

    Raises:
        LookupError: The board has no row of that label.
    """
    known = {row.name: row for row in BOARD}
    if unknown := [name for name in names if name not in known]:
        raise LookupError(f"No row '{unknown[0]}'; there is: {', '.join(known)}.")
    rows = [known[name] for name in names or known]
    for text in added:
        label, _, rest = text.partition("=")
        method, *changes = shlex.split(rest)
        rows.append(Setting(label, method, tuple(changes)))
    return longest_first(rows)


def setting_rows(
    which: str, changes: Sequence[str] = (), finals: Path | None = None, keep: int = 3
) -> list[Setting]:
    """Return rows of a set of settings, without duplicates.

    Args:
        which: Name of the set.
        changes: Parameters to set for all of them.
        finals: Rows of an earlier search, of which only the best settings per method remain.
        keep: Number of settings to keep per method.
    """
    rows = [replace(one, name=one.label) for one in distinct(SETS[which], changes)]
    if finals is not None:
        orders = ranked(read_rows([finals])).values()
        leading = {str(name) for order in orders for name in order.index[:keep]}
        rows = [row for row in rows if row.name in leading]
    return longest_first(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the board."""
    parser = _parser()
    options = parser.parse_args(arguments)
    manifest = load_dataset(options.dataset).manifest
    if manifest.purpose != "validation":
        parser.error(
            f"'{manifest.name}' is a set that methods are ranked on; its board is made by "
            "`python -m smmbench_research.record`."
        )
    options.seed = options.seed or list(manifest.protocol.seeds)
    if options.sets:
        rows = setting_rows(options.sets, options.set, options.finals, options.keep)
    else:
        rows = chosen_rows(options.rows, options.add)
    shop = Shop(options)
    shop.work(rows)
    shop.close([row.name for row in rows])
    for problem in shop.problems:
        print(problem, file=sys.stderr)
    return 1 if shop.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", default=[], help="labels; default: the whole board")
    parser.add_argument("--add", action="append", default=[], help="'LABEL=METHOD NAME=VALUE ...'")
    parser.add_argument("--sets", choices=list(SETS), help="a row each setting of this set instead")
    parser.add_argument("--finals", type=Path, help="with --sets: only the best in these rows")
    parser.add_argument("--keep", type=int, default=3, help="so many of each method, in the finals")
    parser.add_argument("--dataset", default="emoji-val", help="a validation set")
    parser.add_argument("--seed", type=int, nargs="+", help="default: those of the protocol")
    parser.add_argument("--limit", type=int, help="at most so many pairs a method")
    parser.add_argument("--batch", type=int, default=78, help="pairs made at once")
    parser.add_argument("--set", action="append", default=[], help="for all methods: name=value")
    add_options(parser, "method")
    parser.add_argument("--scorers", type=int, default=8, help="methods scored at once, in all")
    parser.add_argument("--no-witness", action="store_true", help="score alone")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--output", type=Path, required=True, help="a folder for what is brought")
    return parser


if __name__ == "__main__":
    sys.exit(main())
