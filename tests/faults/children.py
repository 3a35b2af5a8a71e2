"""Command lines in forks of this process, which has imported everything, and faults in them."""

from __future__ import annotations

import atexit
import errno
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

PATIENCE = 120.0  # seconds after which a command counts as hanging


def warm() -> None:
    """Import what commands import, once."""
    import smmbench_leaderboard.submission.recomputing
    import smmbench_leaderboard.submission.verification  # noqa: F401
    from smmbench import cli  # noqa: F401
    from smmbench.importing import importer  # noqa: F401
    from smmbench.running.executors import local  # noqa: F401
    from smmbench.scoring.models import text_model  # noqa: F401
    from smmbench.tuning import searching  # noqa: F401


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code; minus a signal's number if that ended it.
        said: What it printed.
        seconds: How long it took.
    """

    code: int
    said: str
    seconds: float


Fault = Callable[[], None]


def start(words: list[str], place: Path, fault: Fault | None = None) -> int:
    """Start a command line in a fork; gives its process. `fault` is applied in it first."""
    for name in ("home", "tmp"):
        (place / name).mkdir(parents=True, exist_ok=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until the fork is a command
    child = os.fork()
    if not child:
        _be(words, place, fault)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    return child


def end(child: int, place: Path, start: float) -> Ended:
    """Wait for a command."""
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() - start > PATIENCE:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    log = place.parent / f"{place.name}.{child}.log"
    said = log.read_text(errors="replace") if log.exists() else ""  # killed before it began
    return Ended(os.waitstatus_to_exitcode(status), said, time.monotonic() - start)


def call(words: list[str], place: Path, fault: Fault | None = None) -> Ended:
    """Run a command line in a fork to its end."""
    begin = time.monotonic()
    return end(start(words, place, fault), place, begin)


def _be(words: list[str], place: Path, fault: Fault | None) -> NoReturn:
    code = 1
    try:
        os.setsid()
        log = place.parent / f"{place.name}.{os.getpid()}.log"
        to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(to, 1)
        os.dup2(to, 2)
        os.environ |= {"SMMBENCH_HOME": str(place / "home"), "TMPDIR": str(place / "tmp")}
        tempfile.tempdir = None
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        if fault is not None:
            fault()
        sys.argv = ["smmbench", *words]
        from smmbench.__main__ import main

        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            code = 120  # as Python's own, where what was printed cannot be written
        finally:
            os._exit(code & 0xFF)  # else the fork would go on as the suite, and remove its folder


# Faults -----------------------------------------------------------------------------------------


def small_files(size: int) -> Fault:
    """No file may grow beyond so many bytes, as under `ulimit -f`."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


RESULTS = ("results", "tuning", "ledger", "tmp")
"""Folders of a command's place in which faults are; its inputs and caches are elsewhere."""


def failing(number: int, code: int) -> Fault:
    """From the n-th write of results on, the system refuses each with an error."""

    def fault() -> None:
        count = 0

        def refuse(path: Any) -> None:
            nonlocal count
            if any(f"/{name}" in str(path) for name in RESULTS):
                count += 1
                if count > number:
                    raise OSError(code, os.strerror(code), str(path))

        _before(
            tempfile,
            "mkstemp",
            lambda *given, **named: refuse(named.get("dir") or os.environ["TMPDIR"]),
        )
        _before(os, "mkdir", lambda path, *_, **__: refuse(path))
        _before(os, "replace", lambda _, path, **__: refuse(path))

        def refuse_written(path: Path, mode: str = "r", *_: Any, **__: Any) -> None:
            if mode[:1] in "wax":
                refuse(path)

        _before(Path, "open", refuse_written)

    return fault


def clock_set_back(seconds: float) -> Fault:
    """The clock of the day is so much earlier."""

    def fault() -> None:
        now = time.time
        time.time = lambda: now() - seconds

    return fault


def _before(owner: Any, name: str, look: Callable[..., Any]) -> None:
    function = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        look(*given, **named)
        return function(*given, **named)

    setattr(owner, name, call)


NO_ROOM, READ_ONLY, BROKEN = errno.ENOSPC, errno.EROFS, errno.EIO
