r"""Run the preregistered question on several GPUs: searches, the test, the ablation.

    python -m smmbench_research.emoji_wan.question tune --gpus 4 --per-gpu 10 --output DIR
    python -m smmbench_research.emoji_wan.question test --gpus 4 --per-gpu 7 --output DIR
    python -m smmbench_research.emoji_wan.question ablate --gpus 4 --per-gpu 4 --output DIR
    python -m smmbench_research.emoji_wan.question short --gpus 4 --per-gpu 4 --output DIR

`datasets/docs/emoji-wan-question.md` states what is run and why, and `answer` computes the numbers.
Every row is one `smmbench run` in a separate process. `tune` generates the videos of each trial
under the names that `smmbench tune` uses, scores them, and then runs `smmbench tune`, which finds
all of it done and writes `tuned.toml`; the choice is therefore exactly that of the command. `test`
runs the settings in `CHOSEN`, and all settings of methods with a strength. `short` searches for
presets of fewer steps on the validation set. Each of them resumes after an interruption.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.storage.atomic import write_text
from smmbench_research.emoji.laboratory.processes import Places, add_options, cards, smmbench

BACKBONE = "emoji-wan"
TEST, VALIDATION = "emoji-wan", "emoji-wan-val"
FIXED = ("model=emoji-wan",)
BUDGET, SEED = 8, 0
TUNED = ("smm", "flow-motion", "flow-edit", "sdedit", "inversion-swap")  # the dearest first
WITH_STRENGTH = ("sdedit", "flow-edit")  # compared along all their settings
UNTUNED = ("text-only",)
CHOSEN: dict[str, tuple[str, ...]] = {
    "smm": ("downsample=4", "guided_to=0.776", "iterations=10", "rates=0.021,0.012"),
    "flow-motion": (
        "guided_to=0.768",
        "iterations=10",
        "rate=0.00489",
        "across=1.0",
    ),
    "inversion-swap": ("inversion_steps=200", "inversion_prompt=false"),
}
"""Settings that the searches chose: datasets/docs/emoji-wan-tuning.md."""

METRICS = ("text_similarity", "motion_fidelity")
MORE_METRICS = ("text_similarity_held_out",)  # of the test; never used for choosing
BATCH = 26  # pairs at once
SHARES = {"smm": 4, "flow-motion": 2}  # processes that share the clips of the test
PER_SCORER = 16  # videos at a time

ABLATION: dict[str, tuple[str, ...]] = {
    "preset": (),
    **{f"block {k}": (f"layers=blocks.{k}",) for k in (1, 3, 6, 8)},
    "window 1 to .85": ("guided_to=0.85",),
    "window .94 to .70": ("guided_from=0.94",),
    "window 1 to .50": ("guided_to=0.5",),
    "random start": ("start=random",),
    "rate .003": ("rates=0.003,0.003",),
    "rate .03": ("rates=0.03,0.03",),
    "5 iterations": ("iterations=5",),
    "20 iterations": ("iterations=20",),
    "grid 2": ("grid=2",),
    "grid 4": ("grid=4",),
}
"""One change of the preset each: block 4 of 0 to 8, noise levels 1 to .70, inverted start, .01."""


def _short(
    steps: int, refinements: int, iterations: int, rate: float, to: float
) -> tuple[str, ...]:
    return (
        f"steps={steps}",
        f"inversion_steps={steps}",
        f"inversion_refinements={refinements}",
        f"iterations={iterations}",
        f"rates={rate},{rate}",
        f"guided_to={to}",
    )


def _as_wan(steps: int, to: float, rate: float) -> tuple[str, ...]:
    return (*_short(steps, 0, 10, rate, to), "guidance=5")


SHORT: dict[str, tuple[str, ...]] = {
    "12 steps, 5 iterations, .02": _short(12, 1, 5, 0.02, 0.78),
    "12 steps, 5 iterations, .03": _short(12, 1, 5, 0.03, 0.78),
    "12 steps, 5 iterations, .02, not refined": _short(12, 0, 5, 0.02, 0.78),
    "12 steps, 5 iterations, .02, to .86": _short(12, 1, 5, 0.02, 0.86),
    "12 steps, 3 iterations, .03": _short(12, 1, 3, 0.03, 0.78),
    "10 steps, 4 iterations, .025": _short(10, 1, 4, 0.025, 0.78),
    "16 steps, 5 iterations, .02": _short(16, 1, 5, 0.02, 0.78),
    "20 steps, 5 iterations, .015": _short(20, 1, 5, 0.015, 0.78),
    "wan": _as_wan(50, 0.85, 0.01),
    "wan-fast": (*_as_wan(25, 0.85, 0.01), "gradient_every=3", "guidance_every=2"),
    "wan, .02 to .78": _as_wan(50, 0.78, 0.02),
    "wan-fast, .02 to .78": (*_as_wan(25, 0.78, 0.02), "gradient_every=3", "guidance_every=2"),
}
"""Settings of SMM for a CPU, and what the presets of Wan set, here; no part of the question."""


@dataclass(frozen=True)
class Row:
    """Videos of one setting.

    Attributes:
        method: What it runs.
        name: Of its log.
        folder: Results folder of its label.
        command: Arguments of `smmbench run`.
    """

    method: str
    name: str
    folder: Path
    command: tuple[str, ...]


def row(
    method: str, dataset: str, results: Path, label: str, more: Sequence[str], share: str = ""
) -> Row:
    """One `smmbench run`."""
    command = ["run", "--method", method, "--dataset", dataset, "--label", label, *more]
    command += ["--output", str(results), "--batch", str(BATCH)]
    if share:
        command += ["--shard", share]
    name = f"{method}-{label}-{share.replace('/', 'of')}".rstrip("-")
    return Row(method, name, results / label, tuple(command))


def settings(changes: Iterable[str]) -> list[str]:
    """Options of `smmbench run`."""
    return [part for change in changes for part in ("--set", change)]


def tuning_folder(output: Path, method: str) -> Path:
    """Return the folder in which `smmbench tune` keeps a search."""
    return output / "tuning" / method


def tuning_rows(output: Path) -> list[Row]:
    """Return all trials of all searches."""
    from smmbench.tuning.searching import RESULTS, as_settings, plan_search

    rows = []
    for method in TUNED:
        folder = tuning_folder(output, method)
        plan = plan_search(method, VALIDATION, folder, fixed=FIXED, seeds=(SEED,), device="cpu")
        for number, changes in enumerate(plan.settings(BUDGET)):
            more = settings((*FIXED, *as_settings(changes)))
            more += ["--preset", str(plan.question.preset), "--seed", str(SEED)]
            label = f"trial-{number:03}"
            rows.append(row(method, VALIDATION, folder / RESULTS, label, more))
    return rows


def test_rows(output: Path) -> list[Row]:
    """Return the test: each method as tuned, and at all strengths for methods with one."""
    from smmbench.tuning.searching import as_settings, plan_search

    results = output / "test"
    rows = []
    for method in TUNED:
        if method in WITH_STRENGTH:
            folder = tuning_folder(output, method)
            plan = plan_search(method, VALIDATION, folder, fixed=FIXED, seeds=(SEED,), device="cpu")
            for number, changes in enumerate(plan.settings(BUDGET)):
                more = [*settings((*FIXED, *as_settings(changes)))]
                more += ["--preset", str(plan.question.preset)]
                rows.append(row(method, TEST, results, f"{method}-{number}", more))
            continue
        more = ["--preset", BACKBONE, *settings((*FIXED, *CHOSEN[method]))]
        shares = SHARES.get(method, 1)
        for share in range(1, shares + 1):
            of = f"{share}/{shares}" if shares > 1 else ""
            rows.append(row(method, TEST, results, method, more, of))
    rows += [row(method, TEST, results, method, settings(FIXED)) for method in UNTUNED]
    return rows


def ablation_rows(output: Path) -> list[Row]:
    """Return the ablation of SMM on the validation set, one change of the preset at a time."""
    return _changes_of_smm(ABLATION, output / "ablation")


def short_rows(output: Path) -> list[Row]:
    """Return SMM with fewer steps and iterations, on the validation set."""
    return _changes_of_smm(SHORT, output / "short")


def _changes_of_smm(table: Mapping[str, Sequence[str]], results: Path) -> list[Row]:
    return [
        row(
            "smm",
            VALIDATION,
            results,
            name.replace(",", "").replace(" ", "-"),
            [*settings((*FIXED, *changes)), "--seed", str(SEED)],
        )
        for name, changes in table.items()
    ]


class Scorers:
    """Processes that score results folders while others are still being generated.

    Args:
        metrics: Metrics to compute.
        processes: Number of processes.
    """

    def __init__(self, metrics: Sequence[str], processes: int) -> None:
        self.metrics = tuple(metrics)
        self._pool = multiprocessing.get_context("spawn").Pool(processes)
        self._asked: list[Any] = []

    def submit(self, folder: Path) -> None:
        """Start scoring a folder without waiting for it."""
        from smmbench.results import find_records

        found = sorted({path for path, _ in find_records(folder)})
        count = -(-len(found) // PER_SCORER)
        for k in range(count):
            self._asked.append(self._pool.apply_async(_score, (found[k::count], self.metrics)))

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of figures for each video, once all exist."""
        with self._pool:
            return [row for part in self._asked for row in part.get()]


def _score(folders: list[Path], metrics: tuple[str, ...]) -> list[dict[str, Any]]:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import cv2
    import torch

    from smmbench.results import find_records
    from smmbench.scoring.loop import ScoreLoop
    from smmbench.scoring.options import Options
    from smmbench_research.emoji_wan.seen import Seen

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    records = [found for folder in folders for found in find_records(folder)]
    seen, rows = Seen(), []
    for outcome in ScoreLoop(Options(metrics=metrics, device="cpu")).run(records):
        if outcome.error or outcome.record.status != "done":
            print(outcome.line(metrics), file=sys.stderr, flush=True)
            continue
        asked = outcome.record.request
        row = {
            "entry": outcome.record.entry,
            "label": asked.method,
            "clip": asked.clip,
            "edit": asked.edit,
            "seed": asked.seed,
        }
        row |= {one.metric: one.value for one in outcome.scores if one.metric in metrics}
        rows.append(row | seen.figures(outcome.folder, outcome.record))
    return rows


def work(rows: Sequence[Row], options: argparse.Namespace) -> list[str]:
    """Generate and score rows; return descriptions of failures."""
    began = time.monotonic()
    problems: list[str] = []
    places = Places(cards(options.gpus, options.per_gpu), 1, options.output / "logs", options.end)
    scorers = Scorers(options.metric or METRICS, options.scorers)
    left, lock = Counter(one.folder for one in rows), threading.Lock()
    more = ["--device", "cuda" if options.gpus else "cpu"]
    more += ["--limit", str(options.limit)] if options.limit else []

    def make(one: Row) -> None:
        start = time.monotonic()
        why = places.run(one.name, smmbench(*one.command, *more))
        now = time.monotonic()
        print(f"{now - began:.0f} s: {one.name}, {now - start:.0f} s {why}", flush=True)
        with lock:
            if why:
                problems.append(f"{one.name}: {why}")
            left[one.folder] -= 1
            if not left[one.folder]:  # all shares of the clips are made
                scorers.submit(one.folder)

    with ThreadPoolExecutor(places.count) as pool:
        list(pool.map(make, rows))
    lines = sorted(json.dumps(row) for row in scorers.rows())
    write_text(options.output / f"{options.part}.jsonl", "".join(f"{line}\n" for line in lines))
    print(f"{time.monotonic() - began:.0f} s: scored", flush=True)
    return problems


def choose(options: argparse.Namespace) -> list[str]:
    """Run `smmbench tune` over the generated and scored videos."""
    places = Places(cards(options.gpus, len(TUNED)), 2, options.output / "logs")
    device = "cuda" if options.gpus else "cpu"

    def one(method: str) -> str:
        command = ["tune", "--method", method, "--dataset", VALIDATION, "--budget", str(BUDGET)]
        command += [*settings(FIXED), "--seed", str(SEED), "--device", device]
        command += ["--batch", str(BATCH), "--output", str(tuning_folder(options.output, method))]
        command += ["--limit", str(options.limit)] if options.limit else []
        why = places.run(f"tune-{method}", smmbench(*command))
        return f"tune {method}: {why}" if why else ""

    searched = [method for method in TUNED if method in (options.method or TUNED)]
    with ThreadPoolExecutor(places.count) as pool:
        return [why for why in pool.map(one, searched) if why]


def main() -> int:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["tune", "test", "ablate", "short"])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scorers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--limit", type=int, help="pairs of each row, to try it out")
    parser.add_argument("--method", action="append", help="repeatable; default: all")
    parser.add_argument("--metric", action="append", help="repeatable; default: both axes")
    add_options(parser, "row")
    options = parser.parse_args()
    rows = {
        "tune": tuning_rows,
        "test": test_rows,
        "ablate": ablation_rows,
        "short": short_rows,
    }[options.part]
    chosen = options.method or (*TUNED, *UNTUNED)
    if options.part == "test" and not options.metric:
        options.metric = [*METRICS, *MORE_METRICS]
    problems = work([one for one in rows(options.output) if one.method in chosen], options)
    if options.part == "tune":
        problems += choose(options)
    print("\n".join(problems) or "all is there", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
