"""Temporary files that killed processes left are removed by the next write into their folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smmbench.errors import fault_of
from smmbench.storage.atomic import write_text
from smmbench.storage.processes import is_running, this_machine


def ended() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_the_next_write_sweeps_its_folder(tmp_path: Path) -> None:
    dead = tmp_path / f".tmp-{this_machine()}-{ended()}-x.json"
    own = tmp_path / f".tmp-{this_machine()}-{os.getpid()}-x.json"
    other = tmp_path / ".tmp-00000000-1-x.json"
    for path in (dead, own, other):
        path.write_text("half")
    write_text(tmp_path / "whole.json", "whole")
    assert sorted(tmp_path.iterdir()) == sorted([own, other, tmp_path / "whole.json"])


def test_what_cannot_be_removed_stops_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f".tmp-{this_machine()}-{ended()}-x").mkdir()  # unlink refuses a folder
    write_text(tmp_path / "whole.json", "whole")
    assert (tmp_path / "whole.json").read_text() == "whole"


def test_this_process_runs_and_an_ended_one_does_not() -> None:
    assert is_running(os.getpid()) and not is_running(ended())


@pytest.mark.parametrize("code", [errno.EFBIG, errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
def test_a_refused_write_is_the_machines_fault(code: int, tmp_path: Path) -> None:
    assert fault_of(OSError(code, os.strerror(code), "x"), tmp_path) == "machine"
