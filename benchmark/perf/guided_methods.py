"""Seconds and peak memory of every guided and one-clip method at ZeroScope's size, random weights.

    python benchmark/perf/guided_methods.py                     # one GPU, under 90 s
    python benchmark/perf/guided_methods.py --tiny --device cpu # tries every step, gives no figures

Pairs are not run whole. Each method prepares and transfers one clip over a few steps, with more of
one kind of step from run to run. The differences give the cost of an inversion, tuning, guided or
denoising step, and a pair is the sum over the paper's schedule. The layers are those of a loaded
model, and every run has enough steps of each kind to record its passes, so differences are replays.
A row is written as soon as its method is measured; a second run measures only the missing methods.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from zeroscope_model import random_backbone

from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.inversion import inversion_timesteps
from smmbench.diffusion.method import DiffusionMethod
from smmbench.diffusion.schedule import within
from smmbench.environment import (
    choose_device,
    describe_device,
    free_memory,
    peak_memory,
    reset_peak_memory,
    synchronize,
    use_tensor_cores,
)
from smmbench.method import Source
from smmbench.method.parameters import parameters_to_json
from smmbench.resolving import find_method
from smmbench.smm import SMM, guidance_rates
from smmbench.video import Video
from smmbench_baselines.guided import FirstSteps
from smmbench_baselines.moft import MOFT
from smmbench_baselines.motion_clone import MotionClone
from smmbench_baselines.one_clip.method import OneClipMethod

Settings = dict[str, Any]
GUIDED = ("smm", "smm-grid", "smm-mask", "smm-ditflow", "ditflow", "moft", "motion-clone")
ONE_CLIP = ("tune-a-video", "vmc", "motion-director")
SIZE, TINY = (24, 320, 576), (4, 64, 64)  # frames, height, width
PROMPT = "a fox runs over a frozen lake"


@dataclass(frozen=True)
class Plan:
    """The short runs of a method.

    Attributes:
        base: Settings of the cheapest run, applied to the paper's.
        more: Further runs: the kinds of steps of which they have more, at most one per stage, and
            their settings. A run executes only the stages of its kinds.
        warm: Settings of a first run, which is not timed.
    """

    base: Settings
    more: tuple[tuple[tuple[str, ...], Settings], ...]
    warm: Settings


@dataclass(frozen=True)
class Run:
    """One short run: its cost, and its number of steps of each kind."""

    seconds: dict[str, float]  # by stage
    steps: dict[str, int]  # by kind
    prepared: Sequence[Any]


STAGE = {
    "inversion": "prepare",
    "tuning": "prepare",
    "denoising": "transfer",
    "guided": "transfer",
}
"""The stage of each kind of step."""


def plan(method: type[DiffusionMethod[Any, Any]]) -> Plan:
    """Short runs that separate the costs of a method's kinds of steps."""
    few: Settings = {"steps": 4}
    many: Settings = {"steps": 6}
    if issubclass(method, OneClipMethod):
        base = few | {"inversion_steps": 2, "tuning_steps": 1}
        # Every step of MotionDirector with both passes; a fifth of its steps have only one.
        base |= {"alone": 0.0} if method.__name__ == "MotionDirector" else {}
        return Plan(
            base,
            (
                (("tuning",), base | {"tuning_steps": 4}),
                # With another seed, so that the adapter is not that of the base.
                (("inversion",), base | {"inversion_steps": 14, "tuning_seed": 1}),
                (("denoising",), base | {"steps": 8}),
            ),
            base | {"tuning_seed": 2},
        )
    if issubclass(method, SMM):
        base = few | {"inversion_steps": 4, "restart": False, "guided_to": 0.6}
        return Plan(
            base,
            (
                (("inversion", "denoising"), base | many | {"inversion_steps": 12}
                 | {"guided_to": 0.7}),
                (("guided",), base | {"guided_to": 0.0}),
            ),
            base | {"iterations": 2},
        )  # fmt: skip
    some: Settings = {"guided_steps": 2}
    every: Settings = {"guided_steps": 4}
    if not issubclass(method, MotionClone):
        some, every = ({"guided_from": 1.0, "guided_to": low} for low in (0.6, 0.0))
    warm = few | some | ({"iterations": 2} if issubclass(method, FirstSteps) else {})
    return Plan(few | some, ((("denoising",), many | some), (("guided",), few | every)), warm)


def steps_of(method: DiffusionMethod[Any, Any]) -> dict[str, int]:
    """Number of steps of each kind in a pair with the method's parameters."""
    p, schedule = method.parameters, method.backbone.schedule
    sampling = schedule.timesteps(p.steps)
    steps = {"denoising": len(sampling)}
    if isinstance(method, OneClipMethod):
        inverted = inversion_timesteps(schedule, p.inversion_steps, [sampling[0]])
        steps["inversion"] = sum(t <= sampling[0] for t in inverted)
        steps["tuning"] = p.tuning_steps
    elif isinstance(method, SMM):
        steps["denoising"] += len(sampling) - 1 if p.restart else 0
        steps["inversion"] = len(inversion_timesteps(schedule, p.inversion_steps, sampling))
        steps["guided"] = len(guidance_rates(schedule, p))
    elif isinstance(method, (MOFT, FirstSteps)):
        steps["guided"] = len(within(schedule, sampling, p.guided_from, p.guided_to))
    elif isinstance(method, MotionClone):
        steps["guided"] = p.guided_steps
    return steps


def run(
    method: DiffusionMethod[Any, Any],
    source: Source,
    stages: Sequence[str],
    prepared: Sequence[Any] = (),
) -> Run:
    """Prepare a clip, or use a prepared one, and transfer its motion once, or not at all."""
    seconds: dict[str, float] = {}
    for stage in stages:
        clock = _now(method)
        if stage == "prepare":
            prepared = method.prepare_batch([source])
        else:
            method.transfer_batch(prepared, [PROMPT], [0])
        seconds[stage] = _now(method) - clock
    return Run(seconds, steps_of(method), prepared)


def measure(name: str, backbone: Backbone, source: Source, device: str, dtype: str) -> Settings:
    """One row: the cost of each kind of step, and the sum for a pair with the paper's values."""
    found = find_method(name)
    assert issubclass(found, DiffusionMethod)
    paper = found.Parameters(dtype=dtype)

    def run_with(settings: Settings, stages: Sequence[str], prepared: Sequence[Any] = ()) -> Run:
        method = found(dataclasses.replace(paper, **settings), device, backbone)
        return run(method, source, stages, prepared)

    chosen = plan(found)
    reset_peak_memory(device)
    run_with(chosen.warm, ["prepare"])
    base = run_with(chosen.base, ["prepare"])
    run_with(chosen.warm, ["transfer"], base.prepared)
    again = run_with(chosen.base, ["transfer"], base.prepared)
    seconds = base.seconds | again.seconds
    short = dict(seconds)
    full = steps_of(found(paper, device, backbone))
    row: Settings = {"steps": full, "step_seconds": {}}
    for kinds, settings in chosen.more:
        longer = run_with(settings, sorted({STAGE[kind] for kind in kinds}), base.prepared)
        changed = {kind for kind, steps in longer.steps.items() if steps != base.steps[kind]}
        assert changed == set(kinds), f"{name}: a run meant for {kinds} changes {changed}"
        for kind in kinds:
            stage, count = STAGE[kind], longer.steps[kind] - base.steps[kind]
            each = (longer.seconds[stage] - short[stage]) / count
            row["step_seconds"][kind] = round(each, 4)
            seconds[stage] += (full[kind] - base.steps[kind]) * each
    return row | {
        "prepare_seconds": round(seconds["prepare"], 2),
        "transfer_seconds": round(seconds["transfer"], 2),
        "peak_gib": round(peak_memory(device) / 2**30, 2),
        "parameters": parameters_to_json(paper),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown: seconds per step and number of steps of each kind, and sums."""
    lines = [
        "| method | inversion or tuning | denoising | guided | prepare | transfer | pair | peak |",
        "|---|---|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        if "error" in row:
            lines.append(f"| `{row['method']}` | {row['error']} | | | | | | |")
            continue

        def shown(*kinds: str, row: Mapping[str, Any] = row) -> str:
            each, steps = row["step_seconds"], row["steps"]
            return " + ".join(
                f"{steps[kind]} x {each[kind]:.3f} s" for kind in kinds if kind in each
            )

        prepare, transfer = row["prepare_seconds"], row["transfer_seconds"]
        lines.append(
            f"| `{row['method']}` | {shown('tuning', 'inversion')} | {shown('denoising')} "
            f"| {shown('guided')} | {prepare:.1f} s | {transfer:.1f} s "
            f"| {prepare + transfer:.1f} s | {row['peak_gib']:.1f} GiB |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure the methods that have no row yet, then print all rows as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tiny", action="store_true", help="a tiny model, to test the script")
    parser.add_argument("--only", nargs="+", choices=[*GUIDED, *ONE_CLIP], metavar="METHOD")
    parser.add_argument(
        "--seconds", type=float, default=90.0, help="start no method after this time"
    )
    parser.add_argument("--output", type=Path, default=Path("guided_methods.jsonl"))
    options = parser.parse_args()
    device = choose_device(options.device)
    use_tensor_cores(device)
    rows = _rows(options.output)
    wanted = [
        name
        for name in options.only or (*GUIDED, *ONE_CLIP)
        if not any(row["method"] == name and "error" not in row for row in rows)
    ]
    began = time.monotonic()
    dtype = "float32" if options.tiny else "float16"
    backbone = random_backbone(device, getattr(torch, dtype), options.tiny)
    source = _source(TINY if options.tiny else SIZE)
    with torch.no_grad():
        _warm_up(backbone, source)
    with tempfile.TemporaryDirectory() as home:
        os.environ["SMMBENCH_HOME"] = home  # no adapter of an earlier run is reused
        for name in wanted:
            if time.monotonic() - began > options.seconds:
                print(f"{name}: no time left; run again for the rest.", file=sys.stderr)
                continue
            clock = time.monotonic()
            try:
                row = measure(name, backbone, source, device, dtype)
            except Exception as error:  # the other methods are still measured
                row = {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
            free_memory(device)
            row = {
                "method": name,
                "device": describe_device(device),
                "torch": torch.__version__,
                "dtype": dtype,
                "clip": list(source.video.frames.shape[:3]),
                **row,
                "seconds_to_measure": round(time.monotonic() - clock, 1),
            }
            rows = [*(one for one in rows if one["method"] != name), row]
            with options.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{name}: {row['seconds_to_measure']} s", file=sys.stderr, flush=True)
    print(table(rows))


def _warm_up(backbone: Backbone, source: Source) -> None:
    """Load the kernels that all methods share."""
    x = backbone.encode(source.video.frames[None])
    backbone.decode(x)
    backbone.denoiser.guided(x, 500, backbone.embed([PROMPT]), backbone.embed([""]), scale=2.0)


def _now(method: DiffusionMethod[Any, Any]) -> float:
    synchronize(method.device)
    return time.perf_counter()


def _source(size: tuple[int, int, int]) -> Source:
    frames = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    video = Video(frames, fps=8.0)
    return Source("noise", video, "a dog runs over grass", other=lambda: video)


def _rows(path: Path) -> list[dict[str, Any]]:
    """The last row of each method in a file of an earlier run."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    return list({row["method"]: row for row in rows}.values())


if __name__ == "__main__":
    main()
