"""A server that runs command lines in forks of itself, so that imports are paid for once.

    python -m tests.hostile.forking light|heavy

A fork begins as a process of a user is after its imports, and so costs what that one costs:

- Memory: the system counts what the imports allocated as the fork's own, but not the files that
  they mapped, most of them PyTorch's libraries. The peak of a fork without its mapped files, and as
  many of those as it or the server has, is that of a user. What it has beyond the imports is stated
  too: that much is the attack's doing. How many pages of a file the system maps ahead depends on
  what it has cached: a process of its own was seen with up to 140 MiB more of them.
- Time: that of the imports, which the server measures once, and its own.

A light server has imported what every `verify` imports; a fork of it that is
about to import PyTorch ends with `NEEDS_TORCH`, and runs again in a heavy one, which has imported
what scoring does. So no case is charged with more than its own imports, or with less.

`python -m tests.hostile --cold` runs every case in a process of its own instead, to compare.
Requests and answers are lines of JSON: `{"command", "log", "cwd", "TMPDIR"}`, and
`{"code", "mebibytes", "beyond", "seconds", "cpu"}`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import time
import traceback
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, NoReturn

NEEDS_TORCH = 77
PATIENCE = 120  # seconds after which a case is ended


class _NeedsTorch(BaseException):
    """Ends a fork of the light server, whatever errors it would attribute to untrusted input."""


class _NoTorch(MetaPathFinder):
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "torch":
            raise _NeedsTorch


def serve(heavy: bool) -> None:
    """Import, say what that took, and answer requests until there are no more."""
    begin = time.monotonic()
    import smmbench_leaderboard.submission.verification
    from smmbench import cli  # noqa: F401

    if heavy:
        import smmbench_leaderboard.submission.recomputing  # noqa: F401
        from smmbench.scoring.models import text_model  # noqa: F401
    _answer({"cpu": time.process_time(), "seconds": time.monotonic() - begin})
    for line in sys.stdin:
        _answer(_run(json.loads(line), heavy))


def _answer(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)


def _run(request: dict[str, Any], heavy: bool) -> dict[str, Any]:
    start, before = time.monotonic(), memory()
    child = os.fork()
    if not child:
        _be(request, heavy)
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() - start > PATIENCE:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    files = _files_at_the_end(Path(request["log"]))
    peak = usage.ru_maxrss / 1024 - files + max(files, before["RssFile"])
    return {
        "code": os.waitstatus_to_exitcode(status),
        "mebibytes": peak,
        "beyond": max(0.0, peak - before["VmRSS"]),
        "seconds": time.monotonic() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
    }


def memory() -> dict[str, float]:
    """MiB of this process: resident (`VmRSS`), and what of it are mapped files (`RssFile`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    parts = (line.split() for line in lines if line.startswith(("VmRSS", "RssFile")))
    return {part[0].rstrip(":"): int(part[1]) / 1024 for part in parts}


def _files_at_the_end(log: Path) -> float:
    """MiB of mapped files that a fork had at its end; 0 if it was killed, so that more is said."""
    note = log.with_suffix(".files")
    found = float(note.read_text()) if note.exists() else 0.0
    note.unlink(missing_ok=True)
    return found


def _be(request: dict[str, Any], heavy: bool) -> NoReturn:
    """Be the process of one command line, as `smmbench` is, and end."""
    code = 1
    try:
        os.setsid()
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(request["cwd"])
        os.environ["TMPDIR"] = request["TMPDIR"]
        import tempfile

        tempfile.tempdir = None  # it may have been asked for already
        if not heavy:
            sys.meta_path.insert(0, _NoTorch())
        code = _main(request["command"])
    except _NeedsTorch:
        code = NEEDS_TORCH
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            Path(request["log"]).with_suffix(".files").write_text(str(memory()["RssFile"]))
        except OSError:
            code = 120  # as Python's own, where what was printed cannot be written
        finally:
            os._exit(code)  # else the fork would unwind into the server, whose copy it is


def _main(command: list[str]) -> int:
    """Exit code of a command line, with what Python prints of a `SystemExit`."""
    from smmbench.__main__ import main

    sys.argv = ["smmbench", *command]
    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1] == "heavy")
