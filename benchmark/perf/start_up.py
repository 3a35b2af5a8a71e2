"""How long the command line takes to show its help, beside what it cannot do without.

    python benchmark/perf/start_up.py --runs 21

Each command is a new process, the commands take turns, and the median of each is printed: seconds
on the clock, and seconds of the processor (which a busy machine changes less).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

LIMIT = 0.3  # seconds on the clock, on a quiet machine


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the start of the command line.")
    parser.add_argument("--runs", type=int, default=21, help="Processes of each command.")
    runs = parser.parse_args().runs
    smmbench = Path(sys.executable).with_name("smmbench")  # the one of this environment
    if not smmbench.is_file() and not shutil.which("smmbench"):
        sys.exit("smmbench is not installed in this environment: pip install -e .")
    commands = {
        "python": [sys.executable, "-c", ""],
        "python, import typer": [sys.executable, "-c", "import typer"],
        "python, import smmbench": [sys.executable, "-c", "import smmbench"],
        "smmbench --help": [str(smmbench if smmbench.is_file() else "smmbench"), "--help"],
    }
    for command in commands.values():  # once for the caches of the disk and of bytecode
        measure(command)
    taken = [{name: measure(command) for name, command in commands.items()} for _ in range(runs)]
    print(f"Median of {runs} runs; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':26}{'clock':>10}{'processor':>12}")
    for name in commands:
        clock, processor = (median(run[name][of] for run in taken) for of in (0, 1))
        print(f"{name:26}{clock:8.3f} s{processor:10.3f} s")
    print(f"The limit for smmbench --help is {LIMIT} s on the clock.")


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command; seconds on the clock, and of the processor in user and system mode."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clock, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return clock, user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
