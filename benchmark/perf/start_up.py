"""How long the command line takes to start: its help, lists and dry runs.

    python benchmark/perf/start_up.py --runs 21
    python benchmark/perf/start_up.py --runs 7 --before ../older/.venv/bin

Each command is a new process, the commands take turns, and the median of each is printed: seconds
on the clock, and processor seconds (which depend less on a busy machine). With --before, the
commands of another environment take turns with these, and the last column is the ratio of
processor times. Lists and dry runs are measured from their second call on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

LIMIT = 0.3  # seconds on the clock of --help, on a quiet machine
PLAIN = {
    "python": ["python", "-c", ""],
    "python, import typer": ["python", "-c", "import typer"],
    "python, import torch": ["python", "-c", "import torch"],
    "python, import smmbench": ["python", "-c", "import smmbench"],
}
COMMANDS = {
    "--help": ["--help"],
    "methods list": ["methods", "list"],
    "run --method source-copy --dry-run": ["run", "--method", "source-copy", "--dry-run"],
    "run --method smm --dry-run": ["run", "--method", "smm", "--dry-run", "--limit", "1"],
    "score --dry-run": ["score", "--dry-run"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the start of the command line.")
    parser.add_argument("--runs", type=int, default=21, help="Processes of each command.")
    parser.add_argument("--before", type=Path, help="The bin folder of another environment.")
    asked = parser.parse_args()
    here = Path(sys.executable).parent
    for place in [here, *([asked.before] if asked.before else [])]:
        if not (place / "smmbench").is_file():
            sys.exit(f"smmbench is not installed in {place}: pip install -e .")
    commands = commands_of(here)
    if asked.before:
        commands |= {f"before: {name}": line for name, line in commands_of(asked.before).items()}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SMMBENCH_HOME"] = str(Path(folder) / "home")
        os.chdir(folder)
        made = ["run", "--method", "source-copy", "--limit", "1", "--device", "cpu"]
        for place in [here, *([asked.before] if asked.before else [])]:
            into = ["--results", results_of(place)]  # an older version cannot read newer records
            subprocess.run([place / "smmbench", *made, *into], check=True, capture_output=True)
        for command in commands.values():  # once for the caches of the disk and of bytecode
            measure(command)
        taken = [
            {name: measure(line) for name, line in commands.items()} for _ in range(asked.runs)
        ]
    print(f"Median of {asked.runs} runs; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    medians = {
        name: (median(run[name][0] for run in taken), median(run[name][1] for run in taken))
        for name in commands
    }
    report(medians, bool(asked.before))
    print(f"The limit for smmbench --help is {LIMIT} s on the clock.")


def commands_of(place: Path) -> dict[str, list[str]]:
    """The command lines by their names in the table, with the programs of an environment."""
    plain = {name: [str(place / line[0]), *line[1:]] for name, line in PLAIN.items()}
    own = {f"smmbench {name}": [str(place / "smmbench"), *line] for name, line in COMMANDS.items()}
    own["smmbench score --dry-run"].append(results_of(place))
    return plain | own


def results_of(place: Path) -> str:
    """The results folder of an environment, in the working folder."""
    return f"results-{'-'.join(place.parts[1:])}"


def report(medians: Mapping[str, tuple[float, float]], compared: bool) -> None:
    """Print a line for each command: clock, processor, and the earlier processor time."""
    print(f"{'':45}{'clock':>10}{'processor':>12}" + f"{'before':>10}{'ratio':>8}" * compared)
    for name, (clock, processor) in medians.items():
        if name.startswith("before: "):
            continue
        line = f"{name:45}{clock:8.3f} s{processor:10.3f} s"
        if compared:
            before = medians[f"before: {name}"][1]
            line += f"{before:8.3f} s{before / processor:8.2f}"
        print(line)


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command; return the seconds on the clock, and of the processor (user and system)."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    clock, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return clock, user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
