"""Ctrl-C ends the process without a traceback at any moment of its life."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PRESS = "os.kill(os.getpid(), signal.SIGINT)"

MOMENTS = {
    "while the command line is imported": f"""
class Presses:
    def find_spec(self, name, path=None, target=None):
        if name == "smmbench.cli":
            {PRESS}
sys.meta_path.insert(0, Presses())
""",
    "while exit handlers run": f"""
import atexit
atexit.register(lambda: {PRESS})
""",
}


def _process(before: str) -> subprocess.CompletedProcess[str]:
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whatever it inherited
        "from smmbench.__main__ import main\n"
        f"sys.argv = ['smmbench', '--version']\n{before}\nmain()\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_before_and_after_the_command_is_silent(moment: str) -> None:
    ended = _process(MOMENTS[moment])
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == ""


def test_a_second_ctrl_c_while_the_first_is_handled_is_silent() -> None:
    ended = _process(
        f"""
import smmbench.cli
def press(*_, **__):
    {PRESS}
smmbench.cli.app = smmbench.cli.print_line = press
"""
    )
    assert ended.returncode == 130
    assert ended.stderr == ""


def test_a_ctrl_c_in_a_callback_of_a_collected_object_is_not_lost() -> None:
    """Python ignores it there: the command would continue, and a traceback would be printed."""
    ended = _process(
        f"""
import time, weakref, smmbench.cli
class Thing: pass
def press(*_):
    {PRESS}
def work():
    thing = Thing()
    noticed = weakref.ref(thing, press)
    del thing
    time.sleep(60)
    print("slept to the end")
smmbench.cli.app = work
"""
    )
    assert (ended.returncode, ended.stderr) == (130, "Stopped.\n")
    assert ended.stdout == ""  # a system call that the command waits for is ended, too


def test_a_repeated_ctrl_c_that_comes_too_early_is_repeated_again() -> None:
    """On a busy machine it comes while the hook that repeats it still runs, and is dropped too."""
    ended = _process(
        f"""
import threading, time, weakref, smmbench.cli
class Early(threading.Timer):
    timers = 0
    def start(self):
        super().start()
        Early.timers += 1
        if Early.timers == 1:
            self.cancel()
            {PRESS}
threading.Timer = Early
class Thing: pass
def press(*_):
    {PRESS}
def work():
    thing = Thing()
    noticed = weakref.ref(thing, press)
    del thing
    time.sleep(60)
    print("slept to the end")
smmbench.cli.app = work
"""
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Stopped.\n")


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_ignored_ctrl_c_stays_ignored(moment: str) -> None:
    """As under `nohup`, and for the background jobs of a script."""
    ended = _process("signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + MOMENTS[moment])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("smmbench ")
