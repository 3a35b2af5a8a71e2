"""Scoring time by stage, compared with a loop that processes one frame at a time without caching.

    python benchmark/perf/scoring.py --clips 4

Three ways score the same videos of the control `shuffled`, six of each clip as on the board, in
separate processes with empty home folders: a plain loop (the text model sees one frame at a time;
sources, tracks and embeddings are computed for every video, and marks by their definitions in
`plain_marks.py`), one process, and one process for each core. Scores and marks of all three are
compared. Times are those of whole commands, with imports.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

SEEDS = 6  # of each clip: the board has two prompts with three seeds
SMMBENCH = [sys.executable, "-c", "from smmbench.__main__ import main; main()"]
STAGES = {
    "decode": ("smmbench.scoring.loop", "read_video"),
    "decode sources": ("smmbench.dataset.files", "read_normal_form"),
    "marks": ("smmbench.scoring.loop", "marks_of_task"),
    "tracks": ("smmbench.scoring.clip_tracks", "ClipTracks._tracked"),
    "embeddings": ("smmbench.scoring.embeddings", "Embeddings.of_frames"),
    "numbers of metrics": ("smmbench.scoring.scorer", "Scorer.compute"),
    "write": ("smmbench.scoring.loop", "write_scores"),
}


def main() -> None:
    """Measure and print, or run one of the ways in this process."""
    parser = argparse.ArgumentParser(description="Measure scoring by stage.")
    parser.add_argument("--clips", type=int, default=4, help="Clips, of six videos each.")
    parser.add_argument("--way", choices=("plain", "one"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        print(json.dumps(be(chosen.way, chosen.folder)))
        return
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ["--quiet", "run", "--method", "shuffled", "--device", "cpu", "--results"]
        words += [str(folder / "made"), *chosen_pairs(chosen.clips)]
        subprocess.run([*SMMBENCH, *words], check=True)
        print(f"{chosen.clips * SEEDS} videos, {cores} cores, load {os.getloadavg()[0]:.1f} before")
        own = [sys.executable, __file__, "--way"]
        score = [*SMMBENCH, "--quiet", "score", "--device", "cpu", "--json", "--workers"]
        plain, _ = timed("plain loop", [*own, "plain", "--folder"], folder, {})
        one, text = timed("one process", [*own, "one", "--folder"], folder, {})
        many, _ = timed(f"{cores} processes", [*score, str(cores)], folder, {})
        print(f"the plain loop takes {plain / one:.2f} times as long as one process")
        print(f"the plain loop takes {plain / many:.2f} times as long as {cores}")
        stages(json.loads(text))
        same(folder, ("plain loop", "one process", f"{cores} processes"))
        print(f"load {os.getloadavg()[0]:.1f} after")


def chosen_pairs(clips: int) -> list[str]:
    """Options that choose the first prompt of the first clips, with six seeds."""
    from smmbench.dataset import load_dataset

    first = load_dataset("emoji").manifest.clips[:clips]
    words = [word for clip in first for word in ("--clip", clip.name)]
    words += [word for name in {clip.edits[0].name for clip in first} for word in ("--edit", name)]
    return words + [word for seed in range(SEEDS) for word in ("--seed", str(seed))]


def timed(name: str, command: list[str], folder: Path, more: dict[str, str]) -> tuple[float, str]:
    """Score a copy of the videos; return the seconds on the clock, and the printed output."""
    copy = folder / name
    shutil.copytree(folder / "made", copy)
    environment = {**os.environ, "SMMBENCH_HOME": str(folder / f"home of {name}"), **more}
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(
        [*command, str(copy)], check=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    clock, after = time.perf_counter() - start, os.times()
    spent = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    print(f"{name:14}{clock:8.1f} s on the clock{spent:8.1f} s of processors")
    return clock, done.stdout


def be(way: str, results: Path) -> dict[str, float]:
    """Score in this process; seconds by stage, each without the stages within it."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the command line sets it
    begin = time.perf_counter()
    from plain_marks import PLAIN

    from smmbench.dataset import files
    from smmbench.marks import RULES
    from smmbench.metrics import metric_names
    from smmbench.scoring import marking
    from smmbench.scoring.loop import ScoreLoop, results_below
    from smmbench.scoring.models.text_model import TextModel
    from smmbench.scoring.options import Options
    from smmbench.storage.home import home

    taken: dict[str, float] = defaultdict(float)
    watch(taken)
    taken["imports and models"] = time.perf_counter() - begin
    found = results_below(results)
    loop = ScoreLoop(Options(metric_names(), device="cpu"))
    if way == "plain":
        TextModel.embed_frames.__defaults__ = (1,)
        rules = tuple(replace(rule, measure=PLAIN[rule.name]) for rule in RULES)
        vars(marking)["RULES"] = rules
    start = time.perf_counter()
    for result in found:
        if way == "plain":
            shutil.rmtree(home(), ignore_errors=True)
            files._read_once.cache_clear()
        list(loop.run([result]))
    taken["all"] = time.perf_counter() - start
    return dict(taken)


def watch(taken: dict[str, float]) -> None:
    """Count the seconds of each stage, without those of stages that it calls."""
    within: list[float] = []

    def counted(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            within.append(0.0)
            try:
                return function(*given, **named)
            finally:
                whole = time.perf_counter() - start
                taken[stage] += whole - within.pop()
                if within:
                    within[-1] += whole

        return call

    for stage, (module, name) in STAGES.items():
        owner: Any = __import__(module, fromlist=["_"])
        *classes, last = name.split(".")
        for one in classes:
            owner = getattr(owner, one)
        setattr(owner, last, counted(stage, getattr(owner, last)))


def stages(taken: dict[str, float]) -> None:
    """Print the fraction of each stage for one process, imports listed separately."""
    whole = taken.pop("all")
    imports = taken.pop("imports and models")
    rest = whole - sum(taken.values())
    print(f"\nOne process: {whole:.1f} s, after {imports:.1f} s of imports")
    print("\n| stage | share |\n|---|--:|")
    for stage, seconds in sorted((taken | {"rest": rest}).items(), key=lambda item: -item[1]):
        print(f"| {stage} | {seconds / whole:.1%} |")


def same(folder: Path, names: tuple[str, ...]) -> None:
    """Print the differences between the numbers of the ways."""
    for name in names[1:]:
        apart = 0.0
        for path in (folder / names[0]).rglob("scores.json"):
            other = folder / name / path.relative_to(folder / names[0])
            ours, theirs = (json.loads(one.read_text()) for one in (path, other))
            for kind in ("scores", "marks"):
                for a, b in zip(ours[kind], theirs[kind], strict=True):
                    apart = max(apart, abs(a["value"] - b["value"]))
        print(f"largest difference between {names[0]} and {name}: {apart:.1e}")


if __name__ == "__main__":
    main()
