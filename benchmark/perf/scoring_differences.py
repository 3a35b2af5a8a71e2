"""How much scores and marks change with threads, batches, order, shards and processes.

    python benchmark/perf/scoring_differences.py --clips 2
    python benchmark/perf/scoring_differences.py --clips 4 --only "on CUDA" "on CUDA again"

The same videos of the control `shuffled`, three of each clip, are scored in each of these ways, in
separate processes with empty home folders. Every number in every `scores.json` is compared with
those of one process with one thread: values, details and values by frame of all metrics, and marks.
The last rows remove what keeps the text model reproducible: one thread, one batch shape. If
PyTorch finds a GPU, the same is scored on it. Exit code 1: a number differs by more than 1e-5.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEEDS = 3  # videos of each clip
LIMIT = 1e-5  # no number may differ by more, whatever computes it
SMMBENCH = [sys.executable, "-c", "from smmbench.cli import main; main()"]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
BLAS = "OPENBLAS_NUM_THREADS"  # of NumPy; the command line sets it to 1


@dataclass(frozen=True)
class Way:
    """One way to score.

    Attributes:
        threads: Threads of PyTorch and OpenCV.
        blas: Threads of NumPy's matrix products.
        batch: Frames that the text model processes at once; 0 for its own number.
        unpinned: Whether the text model takes all threads instead of one.
        layout: Whether its convolutions run channels-first.
        split: Splits the results into lists that are scored one after the other, each by a loop of
            its own.
        workers: Number of processes.
        device: Device that computes.
    """

    threads: int = 1
    blas: int = 1
    batch: int = 0
    unpinned: bool = False
    layout: bool = False
    split: Callable[[list[Any]], list[list[Any]]] = lambda results: [results]
    workers: int = 1
    device: str = "cpu"


WAYS = {
    "1 thread": Way(),
    "again": Way(),
    "2 threads": Way(threads=2),
    "4 threads": Way(threads=4),
    "2 threads, also in NumPy's products": Way(threads=2, blas=2),
    "2 processes": Way(workers=2),
    "in reverse order": Way(split=lambda results: [results[::-1]]),
    "two shares": Way(split=lambda results: [results[::2], results[1::2]]),
    "text model: 2 threads": Way(threads=2, unpinned=True),
    "text model: 4 threads": Way(threads=4, unpinned=True),
    "text model: batches of 1": Way(batch=1),
    "text model: batches of 5": Way(batch=5),
    "text model: batches of 64": Way(batch=64),
    "text model: channels first": Way(layout=True),
    "on CUDA": Way(device="cuda"),
    "on CUDA again": Way(device="cuda"),
}


def main() -> None:
    """Measure and print, or run one of the ways in this process."""
    parser = argparse.ArgumentParser(description="Measure what scores depend on.")
    parser.add_argument("--clips", type=int, default=2, help="Clips, of three videos each.")
    parser.add_argument("--only", nargs="+", choices=WAYS, help="Only these ways; by default all.")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        be(WAYS[chosen.way], chosen.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "made", chosen.clips)
        first, *every = WAYS
        others = chosen.only or [name for name in every if can(WAYS[name])]
        largest = 0.0
        wanted = scored(folder, first)
        print(f"{len(wanted)} numbers of {chosen.clips * SEEDS} videos")
        print(f"\n| against {first} | different | largest difference | of scores | of marks |")
        print("|---|--:|--:|--:|--:|")
        for name in others:
            apart = differences(name, wanted, scored(folder, name))
            largest = max(largest, *apart.values())
            print(row(name, apart), flush=True)
    if largest > LIMIT:
        sys.exit(f"Some number differs by {largest:.1e}, more than {LIMIT:.0e}.")


def can(way: Way) -> bool:
    """Whether this machine has the device."""
    import torch

    return way.device == "cpu" or torch.cuda.is_available()


def make(results: Path, clips: int) -> None:
    """Generate the videos."""
    from smmbench.dataset import load_dataset

    names = [clip.name for clip in load_dataset("emoji").manifest.clips[:clips]]
    words = ["--quiet", "run", "--method", "shuffled", "--device", "cpu", "--results", str(results)]
    words += [word for name in names for word in ("--clip", name)]
    words += [word for seed in range(SEEDS) for word in ("--seed", str(seed))]
    subprocess.run([*SMMBENCH, *words, "--limit", str(clips * SEEDS)], check=True)


def scored(folder: Path, name: str) -> dict[str, float]:
    """All numbers of a copy of the videos that was scored in one way."""
    way, copy = WAYS[name], folder / name
    shutil.copytree(folder / "made", copy)
    threads = dict.fromkeys(THREADS, str(way.threads)) | {BLAS: str(way.blas)}
    environment = {**os.environ, **threads, "SMMBENCH_HOME": str(folder / f"home of {name}")}
    own = [sys.executable, __file__, "--way", name, "--folder", str(copy)]
    subprocess.run(own, check=True, env=environment)
    files = {path.relative_to(copy): path for path in copy.rglob("scores.json")}
    return {
        f"{place.parent}: {key}": value
        for place, path in files.items()
        for key, value in numbers(json.loads(path.read_text()))
    }


def numbers(file: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Every number of a `scores.json`, with its name."""
    for score in file["scores"]:
        yield f"score {score['metric']}", score["value"]
        yield from ((f"score {score['metric']} {k}", v) for k, v in score["details"].items())
        for key, values in score["per_frame"].items():
            at = enumerate(values)
            yield from ((f"score {score['metric']} {key} {i}", v) for i, v in at if v is not None)
    for mark in file["marks"]:
        yield f"mark {mark['name']}", mark["value"]


def differences(name: str, wanted: dict[str, float], found: dict[str, float]) -> dict[str, float]:
    """How far each number is from the wanted one.

    Raises:
        ValueError: One of the two has numbers that the other lacks.
    """
    if wanted.keys() != found.keys():
        raise ValueError(f"'{name}' has other numbers: {sorted(wanted.keys() ^ found.keys())[:5]}")
    apart = {key: abs(wanted[key] - found[key]) for key in wanted}
    if any(math.isnan(value) for value in apart.values()):
        raise ValueError(f"'{name}' gave numbers that are not finite.")
    return apart


def row(name: str, apart: dict[str, float]) -> str:
    """A row of the table."""
    kinds = [max(v for k, v in apart.items() if f": {kind}" in k) for kind in ("score", "mark")]
    different = sum(value > 0 for value in apart.values())
    largest = [f"{value:.1e}" if value else "0" for value in (max(kinds), *kinds)]
    cells = [f"{different} of {len(apart)}", *largest]
    return f"| {name} | {' | '.join(cells)} |"


def be(way: Way, results: Path) -> None:
    """Score in this process."""
    import cv2
    import torch

    from smmbench.metrics import metric_names
    from smmbench.scoring.loop import results_below
    from smmbench.scoring.models import text_model
    from smmbench.scoring.options import Options
    from smmbench.scoring.workers import score_results

    cv2.setNumThreads(way.threads)
    torch.set_num_threads(way.threads)  # the environment allows no more than the number of cores
    if torch.get_num_threads() != way.threads:
        raise RuntimeError(f"PyTorch takes {torch.get_num_threads()} threads, not {way.threads}.")
    if way.batch:
        text_model.TextModel.embed_frames.__defaults__ = (way.batch,)
    if way.unpinned:
        vars(text_model)["one_thread"] = lambda device: nullcontext()
    if way.layout:
        channels_first(text_model)
    options = Options(metric_names(), device=way.device)
    for part in way.split(results_below(results)):
        for outcome in score_results(options, part, workers=way.workers):
            if outcome.error:
                raise RuntimeError(outcome.error)


def channels_first(text_model: Any) -> None:
    """Let text models that are loaded from now on keep PyTorch's default layout."""
    import torch

    create = text_model._create

    def created(*given: Any, **named: Any) -> Any:
        loaded = create(*given, **named)
        loaded.model.visual.to(memory_format=torch.contiguous_format)
        return loaded

    text_model._create = created


if __name__ == "__main__":
    main()
