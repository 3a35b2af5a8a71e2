"""Run command lines one by one, and measure what each takes and leaves."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from tests.hostile.cases import Case
from tests.hostile.forking import NEEDS_TORCH, PATIENCE

SMMBENCH = (sys.executable, "-c", "from smmbench.__main__ import main; main()")
MEBIBYTES, SECONDS = 1024, 30  # at most, of each case
BEYOND = 200  # MiB beyond what the imports take: all that an attack can do
TORCH = "torchinductor"  # a folder that torch makes when it is imported
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one case.

    Attributes:
        case: The case.
        code: Exit code; negative: the signal that ended it.
        said: All that it printed.
        mebibytes: Highest resident size.
        beyond: What of it is beyond that of the imports; not known of a cold start.
        seconds: By the clock.
        cpu: Seconds of a processor.
        faults: What is wrong with it, in words; empty if nothing.
    """

    case: Case
    code: int
    said: str
    mebibytes: float
    beyond: float
    seconds: float
    cpu: float
    faults: tuple[str, ...] = field(default=())

    @property
    def let_in(self) -> bool:
        """Whether an attack went through as if it were honest."""
        return self.code == 0 and self.case.code not in (0, None)

    @property
    def traceback(self) -> bool:
        """Whether a reader sees a defect of ours instead of a sentence."""
        return "Traceback (most recent call last)" in self.said


class Server:
    """A process that runs command lines in forks of itself; see `tests.hostile.forking`."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.forking", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.start = self._answer()  # what the imports took

    def run(self, case: Case, folder: Path, place: Path, log: Path) -> dict[str, float]:
        """Run one case; its time is that of the imports and its own."""
        request = {
            "command": case.command,
            "log": str(log),
            "cwd": str(folder),
            "TMPDIR": str(place),
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        found = self._answer()
        return found | {name: found[name] + took for name, took in self.start.items()}

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found


class ColdStart:
    """Runs each command line in a process of its own, as a user does; slow."""

    def run(self, case: Case, folder: Path, place: Path, log: Path) -> dict[str, float]:
        """Run one case."""
        start = time.monotonic()
        with log.open("wb") as file:
            child = subprocess.Popen(
                [*SMMBENCH, *case.command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(place)},
                start_new_session=True,
            )
            code, usage = _wait(child.pid, start)
            child.returncode = code
        return {
            "code": code,
            "mebibytes": usage.ru_maxrss / 1024,
            "seconds": time.monotonic() - start,
            "cpu": usage.ru_utime + usage.ru_stime,
        }

    def close(self) -> None:
        """Nothing is left to end."""


class Worker:
    """Runs cases one after another: each in a light server, and in a heavy one if it scores."""

    def __init__(self, cold: bool) -> None:
        self._light: Server | ColdStart = ColdStart() if cold else Server("light")
        self._heavy: Server | None = None

    def run(self, case: Case, folder: Path, place: Path, log: Path) -> dict[str, float]:
        """Run one case."""
        found = self._light.run(case, folder, place, log)
        if found["code"] != NEEDS_TORCH:
            return found
        self._heavy = self._heavy or Server("heavy")
        return self._heavy.run(case, folder, place, log)

    def close(self) -> None:
        """End its servers."""
        self._light.close()
        if self._heavy:
            self._heavy.close()


def run_all(cases: Sequence[Case], folder: Path, workers: int, cold: bool = False) -> list[Outcome]:
    """Run all cases; each has a temporary folder of its own that must be empty at its end."""
    free = SimpleQueue[Worker]()
    for _ in range(workers):
        free.put(Worker(cold))

    def one(case: Case) -> Outcome:
        worker = free.get()
        try:
            return run(case, folder, worker)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(one, cases))
    while not free.empty():
        free.get().close()
    return outcomes


def run(case: Case, folder: Path, worker: Worker) -> Outcome:
    """Run one case."""
    place = folder / "temporary" / case.kind.replace(" ", "-").replace("/", "-")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (folder / "said").mkdir(exist_ok=True)
    log = folder / "said" / f"{place.name}.txt"
    took = worker.run(case, folder, place, log)
    outcome = Outcome(
        case,
        int(took["code"]),
        log.read_bytes()[:1_000_000].decode(errors="surrogateescape"),
        took["mebibytes"],
        took.get("beyond", 0.0),
        took["seconds"],
        took["cpu"],
    )
    left = [path.name for path in place.iterdir() if not path.name.startswith(TORCH)]
    faults = tuple(_faults(outcome, sorted(left)))
    if faults:  # said at once: all cases together take minutes
        print(f"{case.group}/{case.kind}: {'; '.join(faults)}", flush=True)
    return Outcome(**{**vars(outcome), "faults": faults})


def _wait(pid: int, start: float) -> tuple[int, resource.struct_rusage]:
    """Exit code and resources of a child, which is ended when it takes much too long."""
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage
        if time.monotonic() - start > PATIENCE:
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            return os.waitstatus_to_exitcode(status), usage
        time.sleep(0.02)


def _faults(outcome: Outcome, left: list[str]) -> Iterator[str]:
    case, said = outcome.case, outcome.said
    if outcome.traceback:
        yield "traceback"
    right = {0, 1, 2} if case.code is None else {case.code}
    if outcome.code not in right:
        yield f"exit code {outcome.code} instead of {case.code}"
    if outcome.mebibytes > MEBIBYTES:
        yield f"{outcome.mebibytes:.0f} MiB"
    if outcome.beyond > BEYOND:
        yield f"{outcome.beyond:.0f} MiB beyond the imports"
    if outcome.cpu > SECONDS:
        yield f"{outcome.cpu:.0f} s of a processor"
    if signs := {sign for sign in said if unicodedata.category(sign) in HIDDEN} - {"\n"}:
        yield f"hidden signs {sorted(signs)!r}"
    if case.code == 1 and re.search(r"^(verified|problem: none)", said, re.MULTILINE):
        yield "a line says that it is verified"
    if len(said) > 20_000:
        yield f"{len(said)} signs printed"
    if not said.strip():
        yield "nothing said"
    if case.says and not any(word in said for word in case.says):
        yield f"does not say {' or '.join(case.says)}"
    if left:
        yield f"left {left[:3]}"


def table(outcomes: Sequence[Outcome]) -> str:
    """Every kind with its exit code, memory and time, as Markdown."""
    lines = [
        "| group | kind | exit | MiB | beyond imports | s (processor) | wrong |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    lines += [
        f"| {one.case.group} | {one.case.kind} | {one.code} | {one.mebibytes:.0f} | "
        f"{one.beyond:.0f} | {one.cpu:.1f} | {'; '.join(one.faults) or '-'} |"
        for one in outcomes
    ]
    return "\n".join(lines) + "\n"
