"""Run command lines one by one, and measure what each takes and leaves."""

from __future__ import annotations

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

from tests.hostile.cases import Case

SMMBENCH = (sys.executable, "-c", "from smmbench.cli import main; main()")
MEBIBYTES, SECONDS = 1024, 30  # at most, of each case
PATIENCE = 120  # seconds after which a case is ended
TORCH = "torchinductor"  # a folder that torch makes when it is imported
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    Attributes:
        case: The case.
        code: Exit code; negative: the signal that ended it.
        said: All that it printed.
        mebibytes: Highest resident size.
        seconds: By the clock.
        cpu: Seconds of a processor.
        faults: What is wrong with it, in words; empty if nothing.
    """

    case: Case
    code: int
    said: str
    mebibytes: float
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


def run_all(cases: Sequence[Case], folder: Path, workers: int) -> list[Outcome]:
    """Run all cases; each has a temporary folder of its own that must be empty at its end."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda one: run(one, folder), cases))


def run(case: Case, folder: Path) -> Outcome:
    """Run one case."""
    place = folder / "temporary" / case.kind.replace(" ", "-").replace("/", "-")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (folder / "said").mkdir(exist_ok=True)
    log = folder / "said" / f"{place.name}.txt"
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
    outcome = Outcome(
        case,
        code,
        log.read_bytes()[:1_000_000].decode(errors="surrogateescape"),
        usage.ru_maxrss / 1024,
        time.monotonic() - start,
        usage.ru_utime + usage.ru_stime,
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
    lines = ["| group | kind | exit | MiB | s (processor) | wrong |", "|---|---|--:|--:|--:|---|"]
    lines += [
        f"| {one.case.group} | {one.case.kind} | {one.code} | {one.mebibytes:.0f} | "
        f"{one.cpu:.1f} | {'; '.join(one.faults) or '-'} |"
        for one in outcomes
    ]
    return "\n".join(lines) + "\n"
