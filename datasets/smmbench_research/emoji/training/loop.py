"""A training that ends on time: what all models of the world share.

A `Loop` runs until `--seconds` are over (or SIGTERM comes), on one process or on several started
by `torchrun`. It warms the rate up, lowers it as a cosine of the time used, skips steps whose
gradients are not finite, averages the weights, keeps a checkpoint, and logs to a JSON Lines file.
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
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from smmbench.storage.atomic import atomic_path, write_text

LOG_EVERY = 5.0  # seconds
CHECKPOINT_EVERY = 60.0  # seconds
AGREE_EVERY = 8  # steps between two looks at the clock, where processes must agree on it


def options(description: str) -> argparse.ArgumentParser:
    """The options that every training has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=270, help="training time, compilation in")
    parser.add_argument("--output", type=Path, required=True, help="folder of weights and logs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--no-compile", action="store_true", help="start faster, run slower")
    parser.add_argument("--smoke", action="store_true", help="tiny model and batch, for a test")
    parser.add_argument("--batch", type=int, help="frames a step and process")
    return parser


@dataclass(frozen=True)
class Place:
    """Where this process computes, and among how many."""

    device: torch.device
    rank: int = 0
    processes: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[None]:
        """Half precision on a GPU, full on a CPU."""
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
    """Part from the other processes: what follows, the first one does alone."""
    if place.processes > 1:
        dist.destroy_process_group()


class Loop:
    """Steps an optimiser until the time is over; iterate over it for the share of time used.

    Attributes:
        averaged: The model with an exponential average of its weights and statistics.
        step: Steps done so far, those of a resumed run included.
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
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=0.0, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True
        )
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
        pairs = list(
            zip(self.averaged.state_dict().values(), model.state_dict().values(), strict=True)
        )
        self._pairs = [(a, b) for a, b in pairs if a.is_floating_point()]
        if place.processes > 1:
            for tensor in (tensor for pair in pairs for tensor in pair):
                buffer = tensor.contiguous()
                dist.broadcast(buffer, 0)
                tensor.copy_(buffer)
        self._began = time.monotonic()
        signal.signal(signal.SIGTERM, self._stop)

    @property
    def elapsed(self) -> float:
        """Seconds trained so far, those of a resumed run included."""
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
        """Go one step down the gradient of `loss`; `figures` are logged beside it."""
        for group in self.optimiser.param_groups:
            warm = min(1.0, (self.step + 1) / self.warmup)
            group["lr"] = (
                self.rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * self.share)) / 2)
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._average_gradients()
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        # The fused optimiser leaves everything as it was where this flag is 1: no waiting for it.
        self.optimiser.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self._skipped += self.optimiser.found_inf  # type: ignore[attr-defined]
        self.optimiser.step()
        self._average_weights()
        if self._first is None:
            self._first = self.elapsed
        if self.every("log", LOG_EVERY):
            self.note(loss=loss, norm=norm, skipped=self._skipped, **figures)

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
        """Whether `what` is due again, on the process that writes files."""
        now = time.monotonic()
        due = self._due.setdefault(what, now if at_once else now + seconds)
        if now < due:
            return False
        self._due[what] = now + seconds
        return self.place.leads

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
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
        self.step, self._before, self._first = state["step"], state["seconds"], state["first"]

    def _agreed_share(self) -> float:
        """Time used as a share of the time there is; the first process's clock counts."""
        first = self._first or 0.0
        share = (self.elapsed - first) / max(self.seconds - first, 1e-6)
        share = 1.0 if self.stopped or self.elapsed >= self.seconds else max(share, 0.0)
        if self.place.processes > 1:
            shared = torch.tensor(share, device=self.place.device)
            dist.broadcast(shared, 0)
            share = float(shared)
        return share

    def _average_gradients(self) -> None:
        if self.place.processes == 1:
            return
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.place.processes
        parts = torch.split(flat, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    @torch.no_grad()
    def _average_weights(self) -> None:
        """Move the average towards the weights; early on it follows them closely."""
        rate = 1 - min(self.decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_([a for a, _ in self._pairs], [b for _, b in self._pairs], rate)

    def _stop(self, *_: object) -> None:
        self.stopped = True


def write_report(path: Path, loop: Loop, figures: dict[str, Any]) -> None:
    """Write what was trained, how long and on what, beside its weights."""
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
