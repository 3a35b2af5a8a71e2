"""Heartbeats: what each generating process is working on, and with which settings.

A generating process maintains one file, `RESULTS/.running/MACHINE-PID-NUMBER.json`, and touches
it every few seconds. The file is removed when the process ends; one left by a killed process is
ignored, and the next run on that machine removes it. `smmbench status` reads these files, and so
does every new process: at any time, a row is generated with one set of settings only
(`running.one_way`). The assignment of pairs to processes does not depend on them.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from os import getpid, utime
from pathlib import Path

from pydantic import ValidationError

from smmbench.dataset import Manifest
from smmbench.results import Stored
from smmbench.running.job import Job
from smmbench.running.one_way import Way, refuse_other_way
from smmbench.running.pairs import Pair
from smmbench.storage.atomic import held, remove_leftovers, write_text
from smmbench.storage.processes import is_running, this_machine
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, read_bounded

FOLDER = ".running"
SECONDS_BETWEEN = 15.0
SECONDS_SILENT = 120.0
"""A process of another machine that was silent for longer is considered ended."""

_LIMITS = JsonLimits(size=1 << 20)
_numbers = itertools.count()


class Working(Stored):
    """What one process is working on.

    Attributes:
        machine: Identifier of its machine.
        pid: Process ID.
        method: Label of the method.
        dataset: Name of the dataset.
        manifest: The dataset as given to the run: its name, or the path of its manifest.
        device: The device on which it computes, as stated in records.
        began: Start time in seconds since 1970.
        pairs: Clip, edit and seed of each pair in progress.
        way: Its settings; None in a file of an earlier smmbench.
    """

    machine: str
    pid: int
    method: str
    dataset: str
    manifest: str
    device: str
    began: float
    pairs: tuple[tuple[str, str, int], ...] = ()
    way: Way | None = None


class Heartbeat:
    """The file of this process; problems with it never end a run."""

    def __init__(self, job: Job, manifest: Manifest, device: str) -> None:
        self._root = job.root
        self._working = Working(
            machine=this_machine(),
            pid=getpid(),
            method=job.label,
            dataset=manifest.name,
            manifest=job.dataset,
            device=device,
            began=time.time(),
            way=Way(
                entry=job.method.entry,
                dataset_version=manifest.version,
                reference=job.reference,
                parameters=job.recorded_parameters,
                checkpoints=job.method.implementation.checkpoints,
            ),
        )
        name = f"{self._working.machine}-{self._working.pid}-{next(_numbers)}.json"
        self._path = job.root / FOLDER / name
        self._made_root = not job.root.exists()

    def claim(self, weights: dict[str, str] | None = None) -> None:
        """Announce the settings of this process; another live process of the row must share them.

        Of two that begin at the same moment, one is rejected; without file locks both may be.

        Args:
            weights: SHA-256 of the method's weights, to be compared once they are known.

        Raises:
            ValueError: Another process is generating the same row with other settings.
        """
        assert self._working.way is not None
        mine = self._working.way.model_copy(update={"weights": weights})
        with self._one_at_a_time():
            self._working = self._working.model_copy(update={"way": mine})
            self._write()  # before the others are read: whoever comes later sees it
            for name, other in _living(self._root):
                same_row = (other.method, other.dataset) == (
                    self._working.method,
                    self._working.dataset,
                )
                if name != self._path.name and same_row and other.way is not None:
                    refuse_other_way(mine, other.way, other.method, other.dataset, other.pid)

    def working_on(self, pairs: Sequence[Pair]) -> None:
        """State which pairs are in progress."""
        keys = tuple((pair.clip.name, pair.edit.name, pair.seed) for pair in pairs)
        self._working = self._working.model_copy(update={"pairs": keys})
        self._write()

    def beat(self) -> None:
        """Signal that this process is alive."""
        try:
            utime(self._path)
        except FileNotFoundError:  # another process removed the folder just before
            self._write()
        except OSError:
            pass

    def end(self) -> None:
        """Remove the file, and its folders if they are then empty."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.parent.rmdir()
            if self._made_root:
                self._path.parent.parent.rmdir()

    def _write(self) -> None:
        with suppress(OSError):
            write_text(self._path, self._working.model_dump_json() + "\n")

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with ExitStack() as stack:
            with suppress(OSError):  # a folder that cannot be made: the first video will say it
                stack.enter_context(held(self._root))
            yield


@contextmanager
def beating(job: Job, manifest: Manifest, device: str) -> Iterator[Heartbeat]:
    """Maintain this process's heartbeat during generation; remove those of killed processes."""
    heart = Heartbeat(job, manifest, device)
    sweep(job.root)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(SECONDS_BETWEEN):
            heart.beat()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield heart
    finally:
        ended.set()
        thread.join()
        heart.end()


def processes(root: Path) -> Iterator[tuple[Working, bool]]:
    """Yield what each process that generates videos is working on, and whether it is alive.

    A process that was killed has left its file, which the next run on its machine removes.

    Args:
        root: The results folder.
    """
    for path, working in _files(root):
        yield working, _alive(working, path)


def at_work(root: Path) -> list[Working]:
    """What the processes that generate videos in a results folder are working on.

    Args:
        root: The results folder.
    """
    return [working for working, alive in processes(root) if alive]


def _living(root: Path) -> Iterator[tuple[str, Working]]:
    """Each file of a live process, by its name."""
    for path, working in _files(root):
        if _alive(working, path):
            yield path.name, working


def _files(root: Path) -> Iterator[tuple[Path, Working]]:
    for path in sorted((root / FOLDER).glob("*.json")):
        if (working := _read(path)) is not None:
            yield path, working


def _read(path: Path) -> Working | None:
    try:
        return Working.model_validate_json(read_bounded(path, _LIMITS))
    except (OSError, UnsafeJsonError, ValidationError):  # gone since it was listed, or no such file
        return None


def _alive(working: Working, path: Path) -> bool:
    """Whether a process is alive, by the system on this machine, else by the age of its file.

    If a clock was set back, a file may lie in the future; its process counts as alive.
    """
    if working.machine == this_machine():
        return is_running(working.pid)
    try:
        return time.time() - path.stat().st_mtime < SECONDS_SILENT
    except OSError:
        return False


def sweep(root: Path) -> None:
    """Remove the files of ended processes of this machine, and all that are a day old."""
    folder = root / FOLDER
    with suppress(OSError):
        remove_leftovers(folder)
        for path in folder.glob("*.json"):
            machine, _, rest = path.name.partition("-")
            pid = rest.partition("-")[0]
            dead = machine == this_machine() and pid.isdecimal() and not is_running(int(pid))
            if dead or time.time() - path.stat().st_mtime > 24 * 3600:
                path.unlink(missing_ok=True)
        folder.rmdir()
