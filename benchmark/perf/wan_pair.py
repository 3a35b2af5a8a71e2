"""Measure time and memory of SMM at the size of Wan2.1-T2V-1.3B, by stage, with random weights.

    python benchmark/perf/wan_pair.py --output wan.jsonl
    python benchmark/perf/wan_pair.py --only low-memory --cap 11 --whole --output wan.jsonl
    python benchmark/perf/wan_pair.py --table wan.jsonl
    python benchmark/perf/wan_pair.py --device cpu --tiny --output /tmp/tiny.jsonl

81 frames of 480x832: 32,760 tokens. A pair is the preset `wan`: the prompts, encoding, an inversion
of 50 steps, 50 sampling steps with classifier-free guidance of which the noisy ones are guided by
10 iterations at block 14, and decoding. Every variant runs in a separate process, with `--cap`
under a limit on its memory; rows are written as they are measured. Steps are measured a few times
and summed; `--whole` runs one whole pair of the method instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from wan_model import FULL, random_backbone
from zeroscope_pair import matmul_rate, moving_square

from smmbench.diffusion.acceleration.checkpointing import Forward
from smmbench.diffusion.acceleration.compiled import compile_blocks
from smmbench.diffusion.acceleration.memory import GIB
from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.capture import capture
from smmbench.diffusion.guidance import descend
from smmbench.environment import use_tensor_cores
from smmbench.method import Source
from smmbench.smm import SMM, Parameters, guidance_rates, guide, layers_of, smm_loss

VARIANTS = {
    "plain": "diffusers, frozen weights; iterations run the whole network, and only what it needs",
    "eager": "as a model is loaded",
    "wan": "as the preset: blocks compiled",
    "kept": "the same, and nothing is computed again for gradients",
    "float8": "the same in 8 bits, which is lossy",
    "low-memory": "with low_memory=true as well",
}
BACKENDS = {
    "default": None,
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
}
PROMPTS = ("a cat runs over a meadow", "a dog runs over a meadow", "")


@dataclass(frozen=True)
class Bench:
    """The work of one process.

    Attributes:
        variant: Name of the variant.
        device: Device of the model.
        tiny: A small model and few steps: a test of the script.
        output: File of rows.
        cap: GiB that the process may use; 0 for no limit.
        attention: Kernels of attention.
        note: Note for all rows.
    """

    variant: str
    device: str
    tiny: bool
    output: Path
    cap: float
    attention: str
    note: str = ""

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.startswith("cuda")

    @property
    def dtype(self) -> torch.dtype:
        """Type of the networks."""
        return torch.bfloat16 if self.cuda else torch.float32

    @property
    def parameters(self) -> Parameters:
        """The parameters of the preset, or of a test."""
        preset: dict[str, Any] = dict(SMM.presets["wan"])
        preset["dtype"] = str(self.dtype).removeprefix("torch.")
        small = {"steps": 4, "inversion_steps": 4, "iterations": 2} if self.tiny else {}
        return Parameters(**{**preset, **small})

    @property
    def frames(self) -> tuple[int, int, int]:
        """Time, height, width."""
        return (5, 64, 64) if self.tiny else (81, 480, 832)

    def measure(
        self, stage: str, work: Callable[[], Any], times: int, count: int = 1, warm: bool = True
    ) -> Any:
        """Measure a stage, after one unmeasured round, and write its row.

        Args:
            stage: Its name.
            work: Does the work of the stage once.
            times: How often the stage occurs in a pair.
            count: Number of rounds to measure.
            warm: Whether to run it once before.
        """
        result = work() if warm else None
        if self.cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        for _ in range(count):
            result = work()
        if self.cuda:
            torch.cuda.synchronize()
        self.row(stage, (time.perf_counter() - began) / count, times)
        return result

    def row(self, stage: str, seconds: float, times: int, **more: Any) -> None:
        """Write a row."""
        held = {
            name: round(peak() / GIB, 2) if self.cuda else 0.0
            for name, peak in (
                ("gib", torch.cuda.max_memory_allocated),
                ("reserved_gib", torch.cuda.max_memory_reserved),
            )
        }
        self.write(stage=stage, seconds=round(seconds, 4), times=times, **held, **more)

    def write(self, **row: Any) -> None:
        """Add a row to the file."""
        row = {"variant": self.variant, "cap": self.cap, "attention": self.attention, **row}
        if self.note:
            row["note"] = self.note
        with self.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def kernels(name: str) -> AbstractContextManager[Any]:
    """Attention by these kernels where they apply, else by others."""
    backend = BACKENDS[name]
    if backend is None:
        return nullcontext()
    rest = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    untyped: Any = sdpa_kernel
    context: AbstractContextManager[Any] = untyped([backend, *rest], set_priority=True)
    return context


def make(bench: Bench) -> Backbone:
    """The variant's model."""
    plain = bench.variant.startswith("plain")
    backbone = random_backbone(
        bench.device,
        bench.dtype,
        bench.tiny,
        own=not plain,
        low_memory=bench.variant == "low-memory",
        compile=bench.variant in ("wan", "low-memory", "float8") and bench.cuda,  # kept: below
        float8=bench.variant == "float8",
    )
    if bench.variant == "kept":
        compile_blocks(backbone.denoiser.network, torch.device(bench.device), keeping_all)
    return backbone


def keeping_all(own: Forward, module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
    """A block that keeps everything its gradient needs."""
    return own(module, *args, **kwargs)


def run_stages(bench: Bench, rounds: int) -> None:
    """Measure each stage; the pair is their sum."""
    parameters = bench.parameters
    backbone = bench.measure("make random weights", lambda: make(bench), 0, warm=False)
    denoiser, schedule = backbone.denoiser, backbone.schedule
    texts = bench.measure(
        "prompts", lambda: [backbone.embed([one]) for one in PROMPTS], 1, warm=False
    )
    text, source_text, negative = texts
    video = moving_square(bench.frames)
    x = bench.measure("encode", lambda: backbone.encode(video.frames[None]), 1, warm=False)
    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(x.shape, generator=generator).to(x)
    rates = guidance_rates(schedule, parameters)
    t = next(iter(rates))

    @torch.no_grad()
    def invert() -> Tensor:
        return schedule.inversion_step(denoiser.output(noisy, t, source_text), noisy, t - 1, t)

    def guided() -> Tensor:
        if bench.variant == "plain":
            return whole_network_guide(backbone, noisy, x, t, text, source_text, parameters)
        return guide(denoiser, noisy, x, t, text, source_text, 0.01, parameters)

    @torch.no_grad()
    def step() -> None:
        denoiser.guided(noisy, t, text, negative, parameters.guidance)

    began = time.perf_counter()
    invert()
    if bench.cuda:
        torch.cuda.synchronize()
    first = time.perf_counter() - began
    bench.measure("inversion step", invert, parameters.inversion_steps, 3 * rounds, warm=False)
    began = time.perf_counter()
    warm = replace(parameters, iterations=1)
    guide(denoiser, noisy, x, t, text, source_text, 0.01, warm)
    if bench.cuda:
        torch.cuda.synchronize()
    bench.write(
        stage="first passes", seconds=round(first + time.perf_counter() - began, 2), times=0
    )
    bench.measure("guided step", guided, len(rates), rounds, warm=False)
    if bench.variant == "plain":
        cut = replace(parameters, iterations=min(parameters.iterations, 5))
        bench.measure(
            "guided step of 5, cut off behind the block",
            lambda: guide(denoiser, noisy, x, t, text, source_text, 0.01, cut),
            0,
            warm=False,
        )
    bench.measure("CFG step", step, parameters.steps, rounds, warm=False)
    bench.measure("decode", lambda: backbone.decode(x), 1, warm=False)
    taken = [*denoiser.spare.taken, *backbone.codec.spare.taken]
    bench.write(stage="fell back", steps=taken)


def whole_network_guide(
    backbone: Backbone,
    x: Tensor,
    source: Tensor,
    t: float,
    text: Tensor,
    source_text: Tensor,
    parameters: Parameters,
) -> Tensor:
    """A guided step with a hook on diffusers' network, of which every block runs."""
    denoiser, family = backbone.denoiser, backbone.family
    layers = layers_of(denoiser, parameters)

    def features(x: Tensor, text: Tensor) -> dict[str, Tensor]:
        with capture(denoiser.network, layers) as found:
            denoiser.plain_output(x, t, text)
        return {
            layer: family.unfold(denoiser.network, found[layer], layer, x).to(x) for layer in layers
        }

    with torch.no_grad():
        reference = features(source, source_text)
    return descend(
        x, lambda x: smm_loss(features(x, text), reference), parameters.iterations, 0.01, "a test"
    )


def run_whole(bench: Bench) -> None:
    """Run one whole pair of the method, and a second prompt for the same clip."""
    parameters = bench.parameters
    backbone = bench.measure("make random weights", lambda: make(bench), 0, warm=False)
    method = SMM(parameters, bench.device, backbone)
    video = moving_square(bench.frames)
    source = Source("square", video, PROMPTS[1], lambda: video)
    began = time.perf_counter()
    prepared = bench.measure("prepare, whole", lambda: method.prepare(source), 1, warm=False)
    made = bench.measure(
        "transfer, whole", lambda: method.transfer(prepared, PROMPTS[0], 0), 1, warm=False
    )
    assert made.frames.shape == video.frames.shape
    taken = [*backbone.denoiser.spare.taken, *backbone.codec.spare.taken]
    bench.row("pair, whole", time.perf_counter() - began, 1, steps=taken)


def run_attention(bench: Bench) -> None:
    """Milliseconds of attention among the clip's tokens, forward and backward."""
    tokens = 64 if bench.tiny else 32760
    heads, width = (FULL["transformer"][k] for k in ("num_attention_heads", "attention_head_dim"))
    q, k, v = (
        torch.randn(1, heads, tokens, width, device=bench.device, dtype=bench.dtype)
        for _ in range(3)
    )
    work = 4 * tokens**2 * heads * width / 1e12
    for name in BACKENDS:
        try:
            with kernels(name):
                leaf = q.detach().requires_grad_()
                seconds = []
                for grad in (False, True):
                    for measured in (False, True):
                        if bench.cuda:
                            torch.cuda.synchronize()
                        began = time.perf_counter()
                        for _ in range(3 if measured else 1):
                            with torch.set_grad_enabled(grad):
                                out = F.scaled_dot_product_attention(leaf if grad else q, k, v)
                                if grad:
                                    torch.autograd.grad(out.sum(), leaf)
                        if bench.cuda:
                            torch.cuda.synchronize()
                    seconds.append((time.perf_counter() - began) / 3)
                forward, both = seconds
            bench.write(
                stage=f"attention, {name}",
                forward=round(forward, 5),
                backward=round(both - forward, 5),
                tflop_s=round(work / forward, 1),
                backward_tflop_s=round(2.5 * work / (both - forward), 1),
            )
        except RuntimeError as error:
            bench.write(stage=f"attention, {name}", error=str(error).splitlines()[0])


def run_same(bench: Bench) -> None:
    """Differences of our variants from plain diffusers and from float32: one pass, one gradient."""
    found: dict[str, list[Tensor]] = {}
    generator = torch.Generator().manual_seed(0)
    shape = (1, 16, 2, 8, 8) if bench.tiny else (1, 16, 6, 40, 64)
    x = torch.randn(shape, generator=generator).to(bench.device)
    wide = FULL["transformer"]["text_dim"] if not bench.tiny else 16
    text = torch.randn(1, 512, wide, generator=generator).to(bench.device)
    for name, dtype, own, compile in (
        ("float32", torch.float32, False, False),
        ("plain", bench.dtype, False, False),
        ("eager", bench.dtype, True, False),
        ("wan", bench.dtype, True, bench.cuda),
        ("float8", bench.dtype, True, bench.cuda),
    ):
        backbone = random_backbone(
            bench.device, bench.dtype, bench.tiny, own, False, compile, name == "float8"
        )
        if dtype != bench.dtype:
            torch.backends.cuda.matmul.allow_tf32 = False
            backbone.denoiser.network.to(dtype)
        denoiser = backbone.denoiser
        layers = layers_of(denoiser, bench.parameters)
        with torch.no_grad():
            output = denoiser.output(x, 900.0, text)
        leaf = x.clone().requires_grad_()
        f = denoiser.features(leaf, 900.0, text, layers)[layers[0]]
        slope = torch.autograd.grad(f.mean((-1, -2)).square().sum(), leaf)[0]
        found[name] = [output.cpu(), f.detach().float().cpu(), slope.cpu()]
        del backbone, denoiser, leaf, f
        if bench.cuda:
            torch.cuda.empty_cache()
    for i, what in enumerate(("one pass", "features", "gradient")):
        bench.write(
            stage=f"same, {what}",
            **{
                f"{a} to {b}": float(f"{_relative(found[a][i], found[b][i]):.3g}")
                for a, b in (
                    ("plain", "float32"),
                    ("eager", "float32"),
                    ("wan", "float32"),
                    ("eager", "plain"),
                    ("wan", "plain"),
                    ("float8", "float32"),
                )
            },
        )


def _relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


# The command --------------------------------------------------------------------------------------


def markdown(rows: list[dict[str, Any]]) -> str:
    """Seconds by stage and variant, and the pair as their sum."""
    stages = ("prompts", "encode", "inversion step", "guided step", "CFG step", "decode")
    lines = [
        "| variant | cap | " + " | ".join(stages) + " | pair | GiB | reserved |",
        "|---|--:|" + "--:|" * (len(stages) + 3),
    ]
    keys = dict.fromkeys((row["variant"], row["cap"], row["attention"]) for row in rows)
    for key in keys:
        own = [row for row in rows if (row["variant"], row["cap"], row["attention"]) == key]
        by = {row["stage"]: row for row in own}
        if "decode" not in by:
            continue
        total = sum(by[stage]["seconds"] * by[stage]["times"] for stage in stages)
        cells = [
            f"{by[stage]['seconds']:.3g}"
            + (f" x {by[stage]['times']}" if by[stage]["times"] > 1 else "")
            for stage in stages
        ]
        peak, held = (max(row.get(k, 0) for row in own) for k in ("gib", "reserved_gib"))
        cap = f"{key[1]:g}" if key[1] else ""
        name = key[0] if key[2] == "default" else f"{key[0]}, {key[2]}"
        lines.append(
            f"| {name} | {cap} | {' | '.join(cells)} | {total:.0f} s | {peak:.1f} | {held:.1f} |"
        )
    others = [row for row in rows if "whole" in row["stage"] or "same" in row["stage"]]
    others += [row for row in rows if row["stage"].startswith(("attention", "device"))]
    return "\n".join([*lines, "", *(json.dumps(row) for row in others)])


def alone(asked: argparse.Namespace) -> None:
    """Do the work of one process."""
    bench = Bench(
        asked.only[0],
        asked.device,
        asked.tiny,
        asked.output,
        asked.cap,
        asked.attention,
        asked.note,
    )
    if bench.cuda:
        use_tensor_cores(bench.device)
        if asked.cap:
            total = torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(asked.cap * GIB / total)
    warnings.simplefilter("always")
    kind = bench.variant
    with kernels(bench.attention):
        if kind == "attention":
            name = torch.cuda.get_device_name() if bench.cuda else "CPU"
            rate = round(matmul_rate(bench.device), 1)
            bench.write(stage="device", device=name, torch=torch.__version__, matmul_tflop_s=rate)
            run_attention(bench)
        elif kind == "same":
            run_same(bench)
        elif asked.whole:
            run_whole(bench)
        else:
            run_stages(bench, asked.rounds)


def main() -> None:
    """Measure each variant in a separate process, or print earlier measurements."""
    parser = argparse.ArgumentParser(description="Measure SMM at the size of Wan 1.3B.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--output", type=Path, default=Path("wan_pair.jsonl"))
    names = ["attention", "same", *VARIANTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--cap", type=float, default=0.0, help="GiB that a process may use.")
    parser.add_argument("--attention", choices=BACKENDS, default="default")
    parser.add_argument("--rounds", type=int, default=1, help="Guided steps to measure.")
    parser.add_argument("--whole", action="store_true", help="One whole pair, by the method.")
    parser.add_argument("--tiny", action="store_true", help="A small model and few steps.")
    parser.add_argument("--note", default="")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--table", type=Path, help="Print the rows of a file as Markdown.")
    asked = parser.parse_args()
    if asked.table:
        lines = asked.table.read_text(encoding="utf-8").splitlines()
        print(markdown([json.loads(line) for line in lines]))
        return
    if asked.alone:
        alone(asked)
        return
    for variant in asked.only:
        command = [sys.executable, __file__, "--alone", "--only", variant]
        command += ["--device", asked.device, "--output", str(asked.output)]
        command += ["--cap", str(asked.cap), "--attention", asked.attention, "--note", asked.note]
        command += ["--rounds", str(asked.rounds)]
        command += [f"--{name}" for name in ("tiny", "whole") if getattr(asked, name)]
        ended = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
        print(ended.stderr[-3000:], file=sys.stderr, flush=True)
        if ended.returncode:  # keep the other variants' rows
            last = ended.stderr.strip().splitlines()[-1:] or [""]
            row = {"variant": variant, "cap": asked.cap, "attention": asked.attention}
            with asked.output.open("a", encoding="utf-8") as file:
                failed = {**row, "stage": "failed", "error": last[0][:500]}
                file.write(json.dumps(failed) + "\n")


if __name__ == "__main__":
    main()
