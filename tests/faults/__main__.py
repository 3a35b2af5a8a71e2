"""Disturb commands in every way that machines do, and check that nothing is lost or blamed.

python -m tests.faults                     a short run, as CI has it
python -m tests.faults --moments 100       kill each command at 100 random moments
python -m tests.faults --only run          only commands whose name has this
python -m tests.faults --fault Ctrl-C      only faults whose name has this

After each fault: every file that is there is whole, and tells of its video; no pair was recorded as
failed; the command, called again, ends well, leaves what an undisturbed one leaves, has made no
finished pair again, and no temporary file is left. Where the folder vanishes, what is left of it
may be half; `run` resumes in it, and the other commands begin anew.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.children import (
    BROKEN,
    NO_ROOM,
    READ_ONLY,
    Ended,
    Fault,
    call,
    clock_set_back,
    end,
    failing,
    small_files,
    start,
    warm,
)
from tests.faults.commands import Command, blamed, commands, leftovers, state
from tests.hostile.world import SMMBENCH, World

SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP, "Ctrl-C": signal.SIGINT}
ERRORS = {"disk full": NO_ROOM, "read-only": READ_ONLY, "I/O error": BROKEN}
SIZES = (0, 300, 3000)
"""Bytes that a file may have: none, less than a record, less than a video."""
WRITES = (0, 1, 2, 4, 7, 12)
"""Writes that succeed before the system refuses."""


GONE = "vanished folder"

Disturb = Callable[[Path], list[Ended]]
"""Runs a command in a folder and disturbs it."""


class Suite:
    """Disturbs one command after the other, and counts what is wrong.

    Args:
        folder: Where commands work.
        moments: How many times each command is killed; each signal is sent a quarter as often.
        only: Part of the names of the faults to try; empty for all.
    """

    def __init__(self, folder: Path, moments: int, only: str = "") -> None:
        self.folder = folder
        self.moments = moments
        self.only = only
        self.tried: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []
        self._draws = random.Random(0)
        self._number = 0

    def disturb(self, command: Command) -> None:
        """Every fault on one command."""
        place = self._place(command)
        whole = call(command.words(place), place)
        if whole.code not in (0, 1):
            self._say(command, "undisturbed", f"exit code {whole.code}: {whole.said[-500:]}")
            return
        right, code = state(place), whole.code
        for name, fault in self._faults(command, whole.seconds):
            if self.only in name:
                self._try(command, name, right, code, fault)

    def _faults(self, command: Command, seconds: float) -> Iterator[tuple[str, Disturb]]:
        """Each fault by name; moments are drawn within the time that the command takes."""
        few = max(1, self.moments // 4)

        def moments(count: int) -> Iterator[float]:
            return (self._draws.uniform(0, seconds) for _ in range(count))

        for delay in moments(self.moments):
            yield "kill -9", partial(_sent, command, signal.SIGKILL, delay)
        for name, number in SIGNALS.items():
            for delay in moments(few):
                yield name, partial(_sent, command, number, delay)
        for delay in moments(few):
            yield "two Ctrl-C", partial(_sent, command, signal.SIGINT, delay, twice=True)
        for size in SIZES:
            yield "file-size limit", partial(_faulty, command, small_files(size))
        for name, error in ERRORS.items():
            for writes in WRITES[:: 1 if self.moments > 8 else 3]:
                yield name, partial(_faulty, command, failing(writes, error))
        yield "clock set back", partial(_back, command)
        yield "two at once", partial(_two, command)
        for delay in moments(few):
            yield GONE, partial(_gone, command, delay)

    def _try(
        self,
        command: Command,
        name: str,
        right: dict[str, Any],
        code: int,
        disturb: Disturb,
    ) -> None:
        self.tried[command.name, name] += 1
        place = self._place(command)
        for one in disturb(place):
            said, found, trace = one.said.partition("Traceback (most recent call last)")
            if found:
                self._say(command, name, f"a traceback: {said[-200:]}{found}{trace[:1500]}")
        try:
            before = state(place)
        except Exception as error:
            if name != GONE:  # else a video may be removed before its record is written
                self._say(command, name, f"half-read: {type(error).__name__}: {error}")
                return
            before = {}
        for line in blamed(place):
            self._say(command, name, f"blamed: {line}")
        times = {} if name == GONE else _times(before, place)
        resumes = name == GONE and command.name == "run"  # in what the removal left behind
        if name == GONE and not resumes:
            shutil.rmtree(place)
            place.mkdir()
            command.prepare(place)
        again = call(command.next(place), place)
        if again.code != code:
            self._say(command, name, f"again: exit code {again.code}: {again.said[-700:]}")
            return
        after = state(place)
        if resumes:  # a preview that was removed alone is not made again
            after, right = _records(after), _records(right)
        if after != right:
            lost = sorted(set(right) ^ set(after)) or [k for k in right if right[k] != after[k]]
            self._say(command, name, f"another state: {lost[:4]}")
        later = _times(after, place)
        made = [k for k, when in times.items() if later.get(k) != when]
        if made:
            self._say(command, name, f"made again: {made[:3]}")
        if left := leftovers(place):
            self._say(command, name, f"left over: {left[:3]}")
        shutil.rmtree(place)

    def _place(self, command: Command) -> Path:
        self._number += 1
        place = self.folder / f"{self._number:05}"
        place.mkdir()
        command.prepare(place)
        return place

    def _say(self, command: Command, name: str, what: str) -> None:
        self.wrong.append(f"{command.name}, {name}: {what}")
        print(f"WRONG {self.wrong[-1]}", flush=True)


def _sent(
    command: Command, number: signal.Signals, delay: float, place: Path, twice: bool = False
) -> list[Ended]:
    """Send a signal some time after the start."""
    begin = time.monotonic()
    child = start(command.words(place), place)
    time.sleep(delay)
    for _ in range(1 + twice):
        try:
            os.kill(child, number)
        except ProcessLookupError:
            break
        time.sleep(0.01 * twice)
    return [end(child, place, begin)]


def _faulty(command: Command, fault: Fault, place: Path) -> list[Ended]:
    return [call(command.words(place), place, fault)]


def _back(command: Command, place: Path) -> list[Ended]:
    """Kill a command, and set the clock back a day before the next."""
    begin = time.monotonic()
    child = start(command.words(place), place)
    time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    end(child, place, begin)
    return [call(command.next(place), place, clock_set_back(86400.0))]


def _two(command: Command, place: Path) -> list[Ended]:
    """Start a command twice at the same time."""
    begin = time.monotonic()
    children = [start(command.words(place), place) for _ in range(2)]
    return [end(child, place, begin) for child in children]


def _gone(command: Command, delay: float, place: Path) -> list[Ended]:
    """Remove what a command works in, while it works."""
    begin = time.monotonic()
    child = start(command.words(place), place)
    time.sleep(delay)
    for name in ("results", "tuning", "ledger", "home"):
        shutil.rmtree(place / name, ignore_errors=True)
    return [end(child, place, begin)]


def _records(content: dict[str, Any]) -> dict[str, Any]:
    """What the records alone say, each of a video that was read whole."""
    return {name: said for name, said in content.items() if isinstance(said, tuple)}


def _times(content: dict[str, Any], place: Path) -> dict[str, int]:
    """When each record of a finished pair was written."""
    return {
        name: (place / name).stat().st_mtime_ns
        for name, said in _records(content).items()
        if said[0] == "done"
    }


def main() -> int:
    """Give 0 if nothing is wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--moments", type=int, default=4, help="kills of each command")
    options.add_argument("--only", default="", help="part of a command's name")
    options.add_argument("--fault", default="", help="part of a fault's name")
    options.add_argument("--keep", type=Path, help="work here, and leave it")
    chosen = options.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    begin, suite_itself = time.monotonic(), os.getpid()
    # No TemporaryDirectory: forks would remove it at their end.
    folder = (chosen.keep or Path(tempfile.mkdtemp(prefix="smmbench-faults-"))).resolve()
    try:
        suite = disturbed(folder, chosen.moments, chosen.only, chosen.fault)
    finally:
        if chosen.keep is None and os.getpid() == suite_itself:
            shutil.rmtree(folder, ignore_errors=True)
    _table(suite)
    print(
        f"{suite.tried.total()} disturbed commands in {time.monotonic() - begin:.0f} s; "
        f"{len(suite.wrong)} wrong."
    )
    return 1 if suite.wrong else 0


def disturbed(folder: Path, moments: int, only: str, fault: str) -> Suite:
    """Disturb every command whose name has `only` by every fault whose name has `fault`."""
    os.environ["SMMBENCH_HOME"] = str(folder / "home")
    warm()
    world = World(folder / "world")
    board = ["leaderboard", str(world.results), "--dataset", str(world.manifest)]
    board += ["--format", "json", "--output", str(world.folder / "board.json")]
    subprocess.run([*SMMBENCH, *board], check=True, capture_output=True)
    suite = Suite(folder, moments, fault)
    for command in commands(world):
        if only in command.name:
            suite.disturb(command)
    return suite


def _table(suite: Suite) -> None:
    names = list(dict.fromkeys(command for command, _ in suite.tried))
    faults = list(dict.fromkeys(fault for _, fault in suite.tried))
    print(f"| fault | {' | '.join(names)} | wrong |\n|---|{'--:|' * (len(names) + 1)}")
    for fault in faults:
        counts = " | ".join(str(suite.tried[name, fault]) for name in names)
        wrong = sum(f", {fault}: " in line for line in suite.wrong)
        print(f"| {fault} | {counts} | {wrong} |")


if __name__ == "__main__":
    sys.exit(main())
