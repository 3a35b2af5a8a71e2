"""The training loop of all models of the world, which ends on time.

A `Loop` runs until `--seconds` have passed (or SIGTERM arrives), in one process or in several that
`torchrun` started. It warms up the learning rate, lowers it as a cosine of the time used, skips
steps with gradients that are not finite, averages the weights, writes checkpoints, and logs to a
JSON Lines file. `update` steps along the gradient of a loss; `record` creates a step that a GPU
replays as one graph.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from smmbench.storage.atomic import atomic_path, write_text
from smmbench_research.emoji.training.steps import Recorded, flatten_, views

LOG_EVERY = 5.0  # seconds
CHECKPOINT_EVERY = 60.0  # seconds
AGREE_EVERY = 8  # steps between readings of the clock, on which processes must agree


def options(description: str) -> argparse.ArgumentParser:
    """Return the options that every training has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=270, help="training time, compilation in")
    parser.add_argument("--output", type=Path, required=True, help="folder of weights and logs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--resume", action="store_true", help="resume from the last checkpoint")
    parser.add_argument("--no-compile", action="store_true", help="start faster, run slower")
    parser.add_argument("--smoke", action="store_true", help="tiny model and batch, for a test")
    parser.add_argument("--batch", type=int, help="frames a step and process")
    return parser


@dataclass(frozen=True)
class Place:
    """Device and rank of this process, and the number of processes."""

    device: torch.device
    rank: int = 0
    processes: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[None]:
        """Half precision on a GPU, full precision on a CPU."""
        on = self.device.type == "cuda"
        return cast(
            AbstractContextManager[None], torch.autocast(self.device.type, torch.bfloat16, on)
        )


def join(device: str) -> Place:
    """Join the other processes of `torchrun`, if it started this one."""
    if device.startswith("cuda"):
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        return Place(torch.device(device))
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    where = torch.device(device)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    return Place(where, dist.get_rank(), processes)


def leave(place: Place) -> None:
    """Leave the process group; the first process continues alone."""
    if place.processes > 1:
        dist.destroy_process_group()


class Loop:
    """Steps an optimiser until time runs out; iterating yields the share of time used.

    Attributes:
        averaged: The model with an exponential average of its weights and statistics.
        step: Number of steps so far, including those of a resumed run.
        clock: The share of time used, as a tensor on the device: a recorded step reads it.
    """

    def __init__(
        self,
        model: nn.Module,
        place: Place,
        output: Path,
        name: str,
        seconds: float,
        *,
        rate: float = 1e-3,
        weight_decay: float = 0.01,
        warmup: int = 100,
        decay: float = 0.999,
        resume: bool = False,
    ) -> None:
        self.model, self.place, self.seconds = model, place, seconds
        self.rate, self.warmup, self.decay = rate, warmup, decay
        self.checkpoint = output / f"{name}-checkpoint.pt"
        self.log = output / f"{name}-log.jsonl"
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval()
        named = [name for name, p in model.named_parameters() if p.requires_grad]
        self.parameters = [model.get_parameter(name) for name in named]
        weights = nn.Parameter(flatten_(self.parameters))
        self._average = flatten_([self.averaged.get_parameter(name) for name in named])
        self._gradient = weights.grad = torch.zeros_like(weights)
        self._gradients = views(self._gradient, self.parameters)
        self._weights = weights
        zero = torch.zeros((), device=place.device)
        # Tensors, which a recorded step reads at each replay.
        self._rate, self._pull, self.clock = zero.clone(), zero.clone(), zero.clone()
        self.optimiser = torch.optim.AdamW(
            [weights],
            lr=self._rate,
            betas=(0.9, 0.99),
            weight_decay=weight_decay,
            fused=True,
            capturable=place.device.type == "cuda",
        )
        self._descent = Recorded(self._descend, place.device)
        self.step, self.share, self.stopped = 0, 0.0, False
        self._skipped = torch.zeros((), device=place.device)
        self._before = 0.0  # seconds of the runs that this one resumes
        self._first: float | None = None  # when the first step was done: compilation is over
        self._due: dict[str, float] = {}
        output.mkdir(parents=True, exist_ok=True)
        if resume and self.checkpoint.is_file():
            self._load()
        elif place.leads:
            self.log.unlink(missing_ok=True)
        trained = {*named}
        pairs = [
            (a, b)
            for (name, a), b in zip(
                self.averaged.state_dict().items(), model.state_dict().values(), strict=True
            )
            if name not in trained
        ]
        self._pairs = [(a, b) for a, b in pairs if a.is_floating_point()]
        if place.processes > 1:
            flat = [self._weights.data, self._average]
            for tensor in (*flat, *(tensor for pair in pairs for tensor in pair)):
                buffer = tensor.contiguous()
                dist.broadcast(buffer, 0)
                tensor.copy_(buffer)
        self._began = time.monotonic()
        signal.signal(signal.SIGTERM, self._stop)

    @property
    def elapsed(self) -> float:
        """Seconds trained so far, including those of a resumed run."""
        return self._before + time.monotonic() - self._began

    def __iter__(self) -> Iterator[float]:
        begins = self.step  # of a resumed run, any step: it knows no share yet
        while True:
            alone = self.place.processes == 1
            if alone or self.step == begins or self.step % AGREE_EVERY == 0:
                self.share = self._agreed_share()
            if self.share >= 1:
                break
            yield self.share
            self.step += 1
            if self.every("checkpoint", CHECKPOINT_EVERY, at_once=False):
                self.save()
        self.save()

    def update(self, loss: Tensor, **figures: Tensor | float) -> None:
        """Take one step down the gradient of `loss`; log it with `figures`."""
        self._set_rates()
        self._differentiate(loss)
        self._finish(loss=loss, **figures)

    def record(self, compute: Callable[[], dict[str, Tensor]]) -> Callable[[], None]:
        """Create a whole step, with the drawing of its batch, that a GPU replays as one graph.

        Args:
            compute: Returns the logged figures, including the loss as `loss`. See `Recorded` for
                what it must not do.
        """

        def differentiate() -> dict[str, Tensor]:
            figures = compute()
            self._differentiate(figures["loss"])
            return {name: figure.detach() for name, figure in figures.items()}

        recorded = Recorded(differentiate, self.place.device)

        def step() -> None:
            self._set_rates()
            self._finish(**recorded())

        return step

    def _set_rates(self) -> None:
        """Warm up, then follow a cosine of the time; the early average follows closely."""
        warm = min(1.0, (self.step + 1) / self.warmup)
        cosine = (1 + math.cos(math.pi * self.share)) / 2
        self._rate.fill_(self.rate * warm * (0.01 + 0.99 * cosine))
        self._pull.fill_(1 - min(self.decay, (1 + self.step) / (10 + self.step)))
        self.clock.fill_(self.share)

    def _differentiate(self, loss: Tensor) -> None:
        found = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        self._gradient.zero_()  # between parameters, where a step that is not finite left its mark
        torch._foreach_copy_(self._gradients, list(found))

    def _finish(self, **figures: Tensor | float) -> None:
        """Step along the mean gradients of all processes, and log."""
        if self.place.processes > 1:
            dist.all_reduce(self._gradient)
        norm = self._descent()
        if self._first is None:
            self._first = self.elapsed
        if self.every("log", LOG_EVERY):
            self.note(norm=norm, skipped=self._skipped, **figures)

    @torch.no_grad()
    def _descend(self) -> Tensor:
        """Clip, step and average over time; returns the norm of the gradient."""
        self._gradient.div_(self.place.processes)
        norm = self._gradient.norm()
        self._gradient.mul_((1 / (norm + 1e-6)).clamp(max=1))
        # The fused optimiser leaves everything as it was where this flag is 1: no waiting for it.
        self.optimiser.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self._skipped += self.optimiser.found_inf  # type: ignore[attr-defined]
        self.optimiser.step()
        self._average.lerp_(self._weights, self._pull)
        for average, value in self._pairs:
            average.lerp_(value, self._pull.to(average.dtype))
        return norm

    def note(self, **figures: Tensor | float) -> None:
        """Append one line to the log, and to stderr."""
        if not self.place.leads:
            return
        values = {
            name: round(float(torch.as_tensor(figure).detach()), 6)
            for name, figure in figures.items()
        }
        line = json.dumps({"step": self.step, "seconds": round(self.elapsed, 1), **values})
        print(f"{self.log.stem} {line}", file=sys.stderr, flush=True)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def every(self, what: str, seconds: float, at_once: bool = True) -> bool:
        """Return whether `what` is due again, in the process that writes files."""
        now = time.monotonic()
        due = self._due.setdefault(what, now if at_once else now + seconds)
        if now < due:
            return False
        self._due[what] = now + seconds
        return self.place.leads

    def save(self) -> None:
        """Write the checkpoint atomically."""
        if not self.place.leads:
            return
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.elapsed,
            "first": self._first,
        }
        with atomic_path(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.optimiser.param_groups[0]["lr"] = self._rate  # not the one that was stored
        self.step, self._before, self._first = state["step"], state["seconds"], state["first"]

    def _agreed_share(self) -> float:
        """Return the share of time used, by the first process's clock."""
        first = self._first or 0.0
        share = (self.elapsed - first) / max(self.seconds - first, 1e-6)
        share = 1.0 if self.stopped or self.elapsed >= self.seconds else max(share, 0.0)
        if self.place.processes > 1:
            shared = torch.tensor(share, device=self.place.device)
            dist.broadcast(shared, 0)
            share = float(shared)
        return share

    def _stop(self, *_: object) -> None:
        self.stopped = True


def write_report(path: Path, loop: Loop, figures: dict[str, Any]) -> None:
    """Write what was trained, how long and on which devices, next to its weights."""
    device = loop.place.device
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    report = {
        "parameters": sum(p.numel() for p in loop.model.parameters()),
        "steps": loop.step,
        "seconds": round(loop.elapsed, 1),
        "hardware": f"{loop.place.processes} x {hardware}",
        "torch": torch.__version__,
        **figures,
    }
    write_text(path, json.dumps(report, indent=2) + "\n")
    print(json.dumps(report), file=sys.stderr, flush=True)
