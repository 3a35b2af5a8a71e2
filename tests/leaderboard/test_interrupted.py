"""A command that is terminated leaves no files, and the next one cleans up after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.leaderboard.test_ledger_policy import added

WORK = {
    "verify": (
        "import tempfile; from pathlib import Path\n"
        "from smmbench_leaderboard.submission.workspace import workspace\n"
        "tempfile.tempdir = {folder!r}\n"
        "with workspace() as place:\n"
        "    (place / 'half').write_text('half')\n"
        "    wait()\n"
    ),
    "submit": (
        "from pathlib import Path\n"
        "from smmbench.storage.atomic import atomic_path, remove_leftovers\n"
        "from smmbench.storage.ending import ending_by_exception\n"
        "remove_leftovers(Path({folder!r}))\n"
        "with ending_by_exception(), atomic_path(Path({folder!r}) / 'a.zip') as half:\n"
        "    half.write_text('half')\n"
        "    wait()\n"
    ),
}
WAIT = "import sys, time\ndef wait():\n    print('ready', flush=True)\n    time.sleep(GO)\n"


def start(work: str, folder: Path, seconds: int) -> subprocess.Popen[str]:
    code = WAIT.replace("GO", str(seconds)) + WORK[work].format(folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def ended(work: str, folder: Path, number: signal.Signals) -> int:
    """Let a process write half of its work, and send it a signal; give its exit code.

    The process heeds SIGHUP, also if the tests were started with `nohup`.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a child inherits it
    try:
        process = start(work, folder, 600)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout and process.stdout.readline() == "ready\n"
    assert any(folder.iterdir())
    process.send_signal(number)
    process.communicate()
    return process.returncode


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_leaves_nothing(work: str, number: signal.Signals, tmp_path: Path) -> None:
    assert ended(work, tmp_path, number) == 128 + number
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("work", WORK)
def test_a_signal_that_is_ignored_stays_ignored(work: str, tmp_path: Path) -> None:
    """Under `nohup` a closed terminal does not end what runs on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a child inherits it
    try:
        process = start(work, tmp_path, 2)
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        process.communicate()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0


@pytest.mark.parametrize("work", WORK)
def test_the_next_command_sweeps_after_a_killed_one(work: str, tmp_path: Path) -> None:
    assert ended(work, tmp_path, signal.SIGKILL) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    process = start(work, tmp_path, 0)
    process.communicate()
    assert process.returncode == 0 and not left.exists()


def test_a_ledger_sweeps_after_a_killed_command(tmp_path: Path) -> None:
    folder = tmp_path / "ledger" / "toys"
    folder.mkdir(parents=True)
    code = (
        "import os\nfrom pathlib import Path\nfrom smmbench.storage.atomic import atomic_path\n"
        f"with atomic_path(Path({str(folder)!r}) / 'x.board.xz') as half:\n"
        "    half.write_text('half')\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    (left,) = folder.iterdir()
    path = added(tmp_path / "ledger", "2026-01-01-mine")
    assert not left.exists() and list(folder.iterdir()) == [path]
