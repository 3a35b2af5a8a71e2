"""Time and memory of motion fidelity, compared with the usual implementation as one product.

    python benchmark/perf/motion_fidelity_speed.py
    python benchmark/perf/motion_fidelity_speed.py --large 0   # without the 100,000 tracks

Each measurement is a new process: the shortest time of the calls within some seconds, and the
increase of the largest resident size (VmHWM) over its value with tracks and imports in place. All
use the same tracks and threads, and compute both directions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

THREADS = "2"
MIB = 2**20

Compare = Callable[[np.ndarray, np.ndarray], tuple[float, float]]


def naive(source: np.ndarray, output: np.ndarray) -> tuple[float, float]:
    """Both directions from the array of all pairs and steps."""
    corr = np.einsum("ntc,mtc->nmt", _unit(source), _unit(output)).mean(-1)
    return float(corr.max(axis=0).mean()), float(corr.max(axis=1).mean())


def naive_torch(source: np.ndarray, output: np.ndarray) -> tuple[float, float]:
    """The same with PyTorch in single precision."""
    import torch

    rows = [torch.from_numpy(_unit(tracks)).float() for tracks in (source, output)]
    corr = torch.einsum("ntc,mtc->nmt", *rows).mean(-1)
    return corr.amax(0).mean().item(), corr.amax(1).mean().item()


def ours(source: np.ndarray, output: np.ndarray) -> tuple[float, float]:
    """With the conventions of the headline metric."""
    from smmbench.metrics.motion_fidelity import motion_fidelity

    result = motion_fidelity(source, output)
    return result.output_to_source, result.source_to_output


def ours_seen(source: np.ndarray, output: np.ndarray) -> tuple[float, float]:
    """Without unseen steps in each pair's mean, and with still steps that both have."""
    from smmbench.metrics.conventions import Conventions
    from smmbench.metrics.motion_fidelity import motion_fidelity

    hidden = np.random.default_rng(2)
    visible = [hidden.random(tracks.shape[:2]) > 0.05 for tracks in (source, output)]
    result = motion_fidelity(
        source,
        output,
        source_visible=visible[0],
        output_visible=visible[1],
        conventions=Conventions(still="left-out", visibility="steps"),
    )
    return result.output_to_source, result.source_to_output


WAYS: dict[str, Compare] = {
    "naive": naive,
    "naive-torch": naive_torch,
    "ours": ours,
    "ours-seen": ours_seen,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure motion fidelity.")
    parser.add_argument("--tracks", type=int, default=3025, help="Tracks on each side.")
    parser.add_argument("--frames", type=int, default=24, help="Frames of both clips.")
    parser.add_argument(
        "--large", type=int, default=100_000, help="Tracks of one more measurement; 0: none."
    )
    parser.add_argument(
        "--seconds", type=int, default=10, help="Duration of the calls; the fastest one counts."
    )
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(_measured(WAYS[asked.child], asked.tracks, asked.frames, asked.seconds)))
        return
    load = os.getloadavg()[0]
    print(f"{asked.frames} frames, {THREADS} threads, {os.cpu_count()} cores, load {load:.1f}")
    print(f"{'':34}{'tracks':>8}{'seconds':>10}{'MiB':>8}{'times faster':>14}{'of memory':>11}")
    base = _in_child("naive", asked.tracks, asked)
    for name, title in (
        ("naive", "einsum to (n, m, t), NumPy"),
        ("naive-torch", "einsum to (n, m, t), PyTorch"),
        ("ours", "motion_fidelity"),
        ("ours-seen", "  with unseen steps left out"),
    ):
        _row(
            title,
            asked.tracks,
            base if name == "naive" else _in_child(name, asked.tracks, asked),
            base,
        )
    if asked.large:
        _row("motion_fidelity", asked.large, _in_child("ours", asked.large, asked), None)


def _row(title: str, tracks: int, found: dict[str, float], base: dict[str, float] | None) -> None:
    line = f"{title:34}{tracks:8}{found['seconds']:10.3f}{found['bytes'] / MIB:8.0f}"
    if base:
        faster, share = base["seconds"] / found["seconds"], found["bytes"] / base["bytes"]
        line += f"{faster:14.1f}{share:11.3f}"
    print(line, flush=True)


def _in_child(way: str, tracks: int, asked: argparse.Namespace) -> dict[str, float]:
    threads = {name: THREADS for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    numbers = {"tracks": tracks, "frames": asked.frames, "seconds": asked.seconds}
    options = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, __file__, "--child", way, *options],
        env=os.environ | threads,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def _measured(way: Compare, tracks: int, frames: int, seconds: int) -> dict[str, float]:
    """Seconds of the fastest call, and the increase of the largest resident size in bytes."""
    rng = np.random.default_rng(0)
    clips = [np.cumsum(rng.normal(0, 2, (tracks, frames, 2)), axis=1) for _ in range(2)]
    way(*(clip[:100] for clip in clips))  # imports, and the buffers of the threads
    before, taken = _largest_resident(), list[float]()
    while sum(taken) < seconds:  # equally long for all, so that a busy moment affects none more
        start = time.perf_counter()
        way(*clips)
        taken.append(time.perf_counter() - start)
    return {"seconds": min(taken), "bytes": _largest_resident() - before}


def _largest_resident() -> int:
    """Peak bytes of this process; `ru_maxrss` would include the parent that forked it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise OSError("No VmHWM in /proc/self/status: this measures on Linux only.")


def _unit(tracks: np.ndarray) -> np.ndarray:
    steps = np.diff(tracks, axis=1)
    return steps / np.linalg.norm(steps, axis=-1, keepdims=True)


if __name__ == "__main__":
    main()
