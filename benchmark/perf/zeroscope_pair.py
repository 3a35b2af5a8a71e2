"""Measure time and memory of SMM at ZeroScope's size, by stage, with random weights.

    python benchmark/perf/zeroscope_pair.py --device cuda --output results.jsonl
    python benchmark/perf/zeroscope_pair.py --only fast --cap 14.9 --short --output results.jsonl
    python benchmark/perf/zeroscope_pair.py --table results.jsonl
    python benchmark/perf/zeroscope_pair.py --device cpu --tiny --output /tmp/tiny.jsonl

24 frames of 576x320. A row is written as soon as it is measured. `pair` rows are measured whole
if their note says so; otherwise they are sums of stages times how often a pair needs each. `--cap`
limits the memory that the process may use, in GiB; `--short` runs one whole pair of few steps,
which needs as much memory as a full one.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from zeroscope_model import random_backbone, random_unet, random_vae, schedule

from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.inversion import inversion_timesteps
from smmbench.method import Source
from smmbench.smm import SMM, Parameters, guidance_rates, guide, layers_of
from smmbench.video import Video

PUBLISHED = {  # the authors' implementation, on one H200; see methods.md
    "inversion": (0.151, 999),
    "guided step": (2.76, 20),
    "CFG step": (0.260, 99),
    "pair": (232.0, 1),
}
VARIANTS = ("plain", "paper", "fast", "low-memory", "same", "compiled")
GIB = 2**30


@dataclass(frozen=True)
class Bench:
    """Settings that all variants share.

    Attributes:
        device: Device of the model.
        tiny: A small model and few steps: a test of the script.
        output: File of rows.
        rate: TFLOP/s of a large matrix product on this device.
        work: TFLOP of each stage, once.
        whole: Variants whose pair is measured whole.
        short: Whether to run only a whole pair of few steps.
    """

    device: str
    tiny: bool
    output: Path
    rate: float
    work: dict[str, float]
    whole: tuple[str, ...]
    short: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """Type of the networks."""
        return torch.float16 if self.device.startswith("cuda") else torch.float32

    @property
    def parameters(self) -> Parameters:
        """The paper's parameters, or those of a test."""
        parameters = Parameters(dtype=str(self.dtype).removeprefix("torch."))  # type: ignore[arg-type]
        small = {"steps": 4, "inversion_steps": 6, "iterations": 2, "downsample": 2}
        return replace(parameters, **small) if self.tiny else parameters  # type: ignore[arg-type]

    @property
    def frames(self) -> tuple[int, int, int]:
        """Time, height, width."""
        return (3, 64, 64) if self.tiny else (24, 320, 576)

    def measure(
        self, work: Callable[[], Any], warm: Callable[[], Any] = lambda: None
    ) -> tuple[float, float]:
        """Seconds of the work, and peak GiB, including the unmeasured warm-up.

        The warm-up records what is replayed later, and the memory of a replay is counted only then.
        """
        cuda = self.device.startswith("cuda")
        self.wait()
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        warm()
        self.wait()
        began = time.perf_counter()
        work()
        self.wait()
        seconds = time.perf_counter() - began
        return seconds, (torch.cuda.max_memory_allocated() if cuda else 0) / GIB

    def wait(self) -> None:
        """Wait until the device has finished."""
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()

    def write(self, **row: Any) -> None:
        """Add a row to the file."""
        with self.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    def row(
        self, variant: str, stage: str, seconds: float, gib: float, times: int, note: str = ""
    ) -> None:
        """Write the cost of one stage; `times` is how often it occurs in a pair."""
        work = self.work.get(stage)
        share = work / seconds / self.rate if work else None
        self.write(
            variant=variant,
            stage=stage,
            seconds=round(seconds, 4),
            gib=round(gib, 2),
            times=times,
            tflop=work and round(work, 3),
            share=share and round(share, 3),
            note=note,
        )


# Stages -------------------------------------------------------------------------------------------


class Stages:
    """One variant's model, and the work of a pair in parts."""

    def __init__(self, bench: Bench, backbone: Backbone, parameters: Parameters) -> None:
        self.bench, self.backbone, self.parameters = bench, backbone, parameters
        self.method = SMM(parameters, bench.device, backbone)
        video = moving_square(bench.frames)
        self.source = Source("square", video, "a square", lambda: video)
        self.x = backbone.encode(video.frames[None])
        self.text, self.other = backbone.embed(["a cat runs"]), backbone.embed([""])
        self.rates = guidance_rates(backbone.schedule, parameters)
        self.t = next(iter(self.rates))
        self.noise = torch.randn(self.x.shape, generator=torch.Generator().manual_seed(0)).to(
            self.x
        )
        sampling = backbone.schedule.timesteps(parameters.steps)
        self.inversions = len(
            inversion_timesteps(backbone.schedule, parameters.inversion_steps, sampling)
        ) * (1 + parameters.inversion_refinements)
        self.steps = len(sampling) + (len(sampling) - 1) * parameters.restart

    @torch.no_grad()
    def invert(self, steps: int) -> torch.Tensor:
        """Run this number of inversion steps."""
        x, below = self.x, 0
        for t in range(20, 20 + steps):
            output = self.backbone.denoiser.output(x, t, self.other)
            x, below = self.backbone.schedule.inversion_step(output, x, below or t - 1, t), t
        return x

    def guide(self, iterations: int) -> torch.Tensor:
        """Run one guided step."""
        parameters = replace(self.parameters, iterations=iterations)
        return guide(
            self.backbone.denoiser,
            self.noise,
            self.noise.flip(2),
            self.t,
            self.text,
            self.other,
            0.007,
            parameters,
        )

    @torch.no_grad()
    def denoise(self, steps: int) -> None:
        """Run this number of steps with classifier-free guidance."""
        for _ in range(steps):
            self.backbone.denoiser.guided(self.noise, 500, self.text, self.other, 10.0)

    def run(self, variant: str, steps: tuple[int, int, int]) -> float:
        """Measure each stage after two unmeasured rounds; the pair is their sum."""
        bench, total, peak = self.bench, 0.0, 0.0
        inversion, guided, denoising = steps
        iterations = self.parameters.iterations
        video = self.source.video.frames[None]
        for stage, warm, work, done, times in (
            ("encode", lambda: None, lambda: self.backbone.encode(video), 1, 1),
            (
                "inversion",
                lambda: self.invert(2),
                lambda: self.invert(inversion),
                inversion,
                self.inversions,
            ),
            (
                "guided step",
                lambda: [self.guide(2), self.guide(1)],
                lambda: [self.guide(iterations) for _ in range(guided)],
                guided,
                len(self.rates),
            ),
            (
                "CFG step",
                lambda: self.denoise(2),
                lambda: self.denoise(denoising),
                denoising,
                self.steps,
            ),
            (
                "decode",
                lambda: self.backbone.decode(self.noise[:, :, :1]),
                lambda: self.backbone.decode(self.noise),
                1,
                1,
            ),
        ):
            self.backbone.denoiser.forget()
            seconds, gib = bench.measure(work, warm)
            bench.row(variant, stage, seconds / done, gib, times)
            total, peak = total + seconds / done * times, max(peak, gib)
        bench.write(
            variant=variant,
            stage="pair",
            seconds=round(total, 2),
            gib=round(peak, 2),
            times=1,
            note="sum of stages",
        )
        return total

    def whole(self, variant: str) -> None:
        """Measure a whole pair; then three prompts for one clip, with the same preparation."""
        prepared: list[Any] = []
        self.backbone.denoiser.forget()
        seconds, peak = self.bench.measure(
            lambda: prepared.append(self.method.prepare(self.source))
        )
        self.bench.row(variant, "prepare", seconds, peak, 1, "measured whole")
        transfer, gib = self.bench.measure(
            lambda: self.method.transfer(prepared[0], "a cat runs", 0)
        )
        self.bench.row(variant, "transfer", transfer, gib, 1, "measured whole")
        for stage, total, note in (
            ("pair", seconds + transfer, "measured whole"),
            ("pair, three prompts a clip", seconds / 3 + transfer, "prepare / 3 + transfer"),
        ):
            self.bench.write(
                variant=variant,
                stage=stage,
                seconds=round(total, 2),
                gib=round(max(peak, gib), 2),
                times=1,
                note=note,
            )
        if self.bench.device.startswith("cuda"):
            held = torch.cuda.max_memory_reserved() / GIB
            steps = [*self.backbone.denoiser.spare.taken, *self.backbone.codec.spare.taken]
            self.bench.write(
                variant=variant, stage="transfer", reserved_gib=round(held, 2), fell_back=steps
            )


def run_variant(bench: Bench, variant: str) -> None:
    """Build the variant's model and measure it."""
    parameters = bench.parameters
    if variant == "fast" and not bench.tiny:
        parameters = replace(parameters, **SMM.presets["fast"])
    if bench.short:
        parameters = replace(parameters, steps=6, inversion_steps=6, iterations=3)
    made: list[Backbone] = []
    options = {
        "own": variant != "plain",
        "low_memory": variant == "low-memory",
        "compile": variant == "compiled",
    }
    seconds, gib = bench.measure(
        lambda: made.append(random_backbone(bench.device, bench.dtype, bench.tiny, **options))
    )
    bench.row(variant, "make random weights", seconds, gib, 0)
    stages = Stages(bench, made.pop(), parameters)
    if bench.short:
        stages.whole(variant)
        return
    if variant == "compiled":
        seconds, gib = bench.measure(lambda: stages.invert(1))
        bench.row(variant, "compile", seconds, gib, 0, "first pass; not in the pair")
    few = (3, 1, 2) if bench.tiny else (20, 3, 10)
    stages.run(variant, few)
    if variant in bench.whole:
        stages.whole(variant)


# Equality -----------------------------------------------------------------------------------------


def run_same(bench: Bench) -> None:
    """Differences of plain and own layers from float32, and from each other.

    Relative root mean square differences of the network's output, of the change of a latent in five
    inversion steps, and of its change in one guided step of ten iterations. The float32
    network has the same weights, rounded to the narrow type.
    """
    torch.backends.cudnn.allow_tf32 = False  # float32 is the reference
    exact = _moves(bench, torch.float32, own=False)
    plain = _moves(bench, bench.dtype, own=False)
    ours = _moves(bench, bench.dtype, own=True)
    for what in exact:
        bench.write(
            variant="same",
            stage=what,
            plain_to_float32=_relative(plain[what], exact[what]),
            ours_to_float32=_relative(ours[what], exact[what]),
            ours_to_plain=_relative(ours[what], plain[what]),
        )


def _moves(bench: Bench, dtype: torch.dtype, own: bool) -> dict[str, torch.Tensor]:
    backbone = random_backbone(bench.device, bench.dtype, bench.tiny, own=own)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, *backbone.latent_shape(bench.frames), generator=generator)
    stages = Stages(bench, backbone, bench.parameters)
    stages.x = stages.noise = x.to(bench.device)
    if dtype != bench.dtype:  # the text states stay those of the narrow encoder
        backbone.denoiser.network.to(dtype)
        stages.parameters = replace(stages.parameters, dtype="float32")
    with torch.no_grad():
        output = backbone.denoiser.output(stages.x, 500, stages.text)
    found = {
        "one pass": output,
        "five inversion steps": stages.invert(5) - stages.x,
        "one guided step": stages.guide(bench.parameters.iterations) - stages.noise,
    }
    return {what: moved.float().cpu() for what, moved in found.items()}


def _relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(f"{float((a - b).norm() / b.norm()):.3g}")


# The yardsticks -----------------------------------------------------------------------------------


def matmul_rate(device: str) -> float:
    """TFLOP/s of a large product in the narrow type."""
    cuda = device.startswith("cuda")
    n, rounds = (8192, 50) if cuda else (512, 3)
    a = torch.randn(n, n, device=device, dtype=torch.float16 if cuda else torch.float32)
    for count in (3, rounds):
        if cuda:
            torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(count):
            a @ a
        if cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    return 2 * n**3 * rounds / seconds / 1e12


def count_work(
    parameters: Parameters, frames: tuple[int, int, int], tiny: bool
) -> dict[str, float]:
    """TFLOP of each stage, counted by PyTorch on shapes alone (products and convolutions)."""
    from torch.utils.flop_counter import FlopCounterMode

    def count(work: Callable[[], Any]) -> float:
        with FlopCounterMode(display=False) as counter:
            work()
        return counter.get_total_flops() / 1e12

    time_, height, width = frames
    unet, vae = (make("meta", torch.float32, tiny) for make in (random_unet, random_vae))
    denoiser, autoencoder = Denoiser(unet, schedule()), _untyped(vae)
    x = torch.empty(1, 4, time_, height // 8, width // 8, device="meta")
    text = torch.empty(1, 77, _untyped(unet).config.cross_attention_dim, device="meta")
    pixels = torch.empty(time_, 3, height, width, device="meta")

    layers = layers_of(denoiser, parameters)

    def gradient() -> None:
        leaf = x.clone().requires_grad_()
        features = denoiser.features(leaf * 1, 500, text, layers)
        torch.autograd.grad(sum((f.sum() for f in features.values()), torch.zeros(())), leaf)

    with torch.no_grad():
        forward = count(lambda: denoiser.output(x, 500, text))
        reference = count(lambda: denoiser.features(x, 500, text, layers))
        encode = count(lambda: autoencoder.encode(pixels).latent_dist.mean)
        decode = count(lambda: autoencoder.decode(x[0].movedim(1, 0)))
    return {
        "encode": encode,
        "inversion": forward,
        "guided step": reference + parameters.iterations * count(gradient),
        "CFG step": 2 * forward,
        "decode": decode,
    }


def _untyped(module: Any) -> Any:
    return module


def moving_square(frames: tuple[int, int, int]) -> Video:
    """A bright square that moves to the right over noise."""
    time_, height, width = frames
    clip = np.random.default_rng(0).integers(0, 60, (time_, height, width, 3), dtype=np.uint8)
    for i in range(time_):
        left = i * width // (2 * time_)
        clip[i, height // 4 : height // 2, left : left + width // 4] = (240, 200, 60)
    return Video(clip, 8.0)


# The command --------------------------------------------------------------------------------------


def profile(bench: Bench) -> None:
    """Print the kernels on which a pass and a gradient of our own layers spend their time."""
    stages = Stages(bench, random_backbone(bench.device, bench.dtype, bench.tiny), bench.parameters)
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if bench.device.startswith("cuda"):
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    order = "self_cuda_time_total" if len(kinds) > 1 else "self_cpu_time_total"
    works: list[Callable[[], Any]] = [lambda: stages.invert(1), lambda: stages.guide(1)]
    for work in works:
        work()
        untyped: Any = torch.profiler
        with untyped.profile(activities=kinds) as profiler:
            work()
            bench.wait()
        table = profiler.key_averages().table(sort_by=order, row_limit=25, max_name_column_width=70)
        print("\n".join(line[:72] + line[-90:] for line in table.splitlines()), flush=True)


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows as tables, the published implementation first."""
    lines = [
        "| variant | stage | seconds | times | GiB | TFLOP | share of matmul | note |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for stage, (seconds, times) in PUBLISHED.items():
        gib = 28.8 if stage == "pair" else ""
        lines.append(f"| published | {stage} | {seconds} | {times} | {gib} | | | |")
    for row in (row for row in rows if "seconds" in row):
        cells = [row.get(k) for k in ("variant", "stage", "seconds", "times", "gib", "tflop")]
        share = f"{row['share']:.0%}" if row.get("share") else ""
        cells += [share, row.get("note", "")]
        lines.append("| " + " | ".join("" if c is None else str(c) for c in cells) + " |")
    same = [row for row in rows if "ours_to_plain" in row]
    if same:
        lines += [
            "",
            "| relative RMS difference | plain to float32 | ours to float32 | ours to plain |",
        ]
        lines.append("|---|--:|--:|--:|")
    for row in same:
        lines.append(
            f"| {row['stage']} | {row['plain_to_float32']} | {row['ours_to_float32']} | "
            f"{row['ours_to_plain']} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, or print earlier measurements."""
    parser = argparse.ArgumentParser(description="Measure SMM at ZeroScope's size.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--output", type=Path, default=Path("zeroscope_pair.jsonl"))
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument(
        "--whole",
        nargs="*",
        choices=VARIANTS,
        default=["paper", "fast"],
        help="Variants of which whole pairs are run.",
    )
    parser.add_argument("--tiny", action="store_true", help="A small model and few steps.")
    parser.add_argument("--cap", type=float, default=0.0, help="GiB that the process may use.")
    parser.add_argument("--short", action="store_true", help="Only whole pairs of few steps.")
    parser.add_argument("--profile", action="store_true", help="Print kernels' times, no rows.")
    parser.add_argument("--table", type=Path, help="Print the rows of a file as Markdown.")
    asked = parser.parse_args()
    if asked.table:
        lines = asked.table.read_text(encoding="utf-8").splitlines()
        print(markdown([json.loads(line) for line in lines]))
        return
    bench = Bench(asked.device, asked.tiny, asked.output, 1.0, {}, tuple(asked.whole), asked.short)
    if asked.cap:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(asked.cap * GIB / total)
        bench.write(cap_gib=asked.cap)
    if not asked.profile and not asked.short:
        rate, work = matmul_rate(asked.device), {}
        work = count_work(bench.parameters, bench.frames, asked.tiny)
        bench = replace(bench, rate=rate, work=work)
        name = torch.cuda.get_device_name() if bench.device.startswith("cuda") else "CPU"
        bench.write(device=name, torch=torch.__version__, matmul_tflop_s=round(rate, 3))
    for variant in ["profile"] if asked.profile else asked.only:
        try:
            runs = {"same": run_same, "profile": profile}
            runs[variant](bench) if variant in runs else run_variant(bench, variant)
        except Exception as error:  # keep the other variants' rows
            bench.write(variant=variant, stage="failed", error=f"{type(error).__name__}: {error}")
        gc.collect()
        if bench.device.startswith("cuda"):
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
