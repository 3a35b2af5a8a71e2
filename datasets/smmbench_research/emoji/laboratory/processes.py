"""Run processes in parallel on several GPUs, with a time limit."""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def cards(gpus: int, each: int) -> list[str]:
    """Return the GPU of every slot for a process, by its CUDA name; empty without a GPU.

    Consecutive slots are on different GPUs, so that the first processes are spread. Of the GPUs in
    `CUDA_VISIBLE_DEVICES`, the first are used.

    Raises:
        ValueError: `CUDA_VISIBLE_DEVICES` lists too few GPUs.
    """
    left = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = left.split(",") if left else [str(gpu) for gpu in range(gpus)]
    if gpus > len(names):
        raise ValueError(f"CUDA_VISIBLE_DEVICES leaves {len(names)} GPUs ({left}), not {gpus}.")
    return [names[place % gpus] if gpus else "" for place in range(max(1, gpus) * each)]


def add_options(parser: argparse.ArgumentParser, work: str) -> None:
    """Add options for where and how long processes run; `work` names what each does."""
    forever = float("inf")
    parser.add_argument("--gpus", type=int, default=1, help="0: on the CPU")
    parser.add_argument("--per-gpu", type=int, default=1, help="processes on each")
    parser.add_argument(
        "--seconds", type=float, default=forever, help=f"then begin no other {work}"
    )
    parser.add_argument(
        "--end", type=float, default=forever, help="seconds, then end what still runs"
    )


class Places:
    """Slots for processes, each of which runs one process at a time.

    Args:
        cards: GPU of each slot.
        threads: Number of threads per process.
        logs: Folder for the output of the processes.
        end: Seconds from now after which processes are terminated; infinity for never.
    """

    def __init__(
        self, cards: Sequence[str], threads: int, logs: Path, end: float = float("inf")
    ) -> None:
        self.count, self.threads, self.logs = len(cards), threads, logs
        self.ends = time.monotonic() + end
        self._free: queue.Queue[str] = queue.Queue()
        for card in cards:
            self._free.put(card)
        logs.mkdir(parents=True, exist_ok=True)

    def run(self, name: str, command: Sequence[str]) -> str:
        """Run a command in the next free slot and wait for it.

        Args:
            name: Name of its log, `<name>.log`, to which it appends.
            command: The command with its arguments.

        Returns:
            Description of the failure; empty if there was none.
        """
        card = self._free.get()
        try:
            with (self.logs / f"{name}.log").open("a", encoding="utf-8") as log:
                rest = max(0.0, self.ends - time.monotonic())
                code = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment(card),
                    timeout=None if rest == float("inf") else rest,
                    check=False,
                ).returncode
        except subprocess.TimeoutExpired:
            return "ended, as the time was over"
        finally:
            self._free.put(card)
        return f"exit code {code}" if code else ""

    def _environment(self, card: str) -> Mapping[str, str]:
        return {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": card,
            "OMP_NUM_THREADS": str(self.threads),
            "PYTHONUNBUFFERED": "1",
        }


def python(module: str, *arguments: object) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def smmbench(*arguments: object) -> list[str]:
    """Return the command that runs `smmbench` with this interpreter."""
    start = "from smmbench.__main__ import main; main()"
    return [sys.executable, "-c", start, *map(str, arguments)]


def threads_each(places: int) -> int:
    """Return the number of cores for each of several processes."""
    return max(1, (os.cpu_count() or 1) // max(1, places))
