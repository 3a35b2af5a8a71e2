"""How several processes share the settings of one sweep: a file of rows and a lock a setting.

A lock is the system's (`flock`), so that it ends with its process however that ends: nothing is
stale, and what was not finished is taken by the next who looks.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from smmbench.storage.atomic import write_text
from smmbench_research.emoji.laboratory.settings import Setting

Row = dict[str, Any]
Key = tuple[str, str, int]  # clip, edit, seed


class Work:
    """The settings of a sweep: which are done, which another process has, which failed.

    Args:
        output: JSON lines of all settings that are done whole; an earlier one is gone on from.
            Beside it `<output>.parts/` holds each setting's rows as they come.
        settings: What is wanted, in the order in which it is begun.
        outputs: Clip, edit and seed of every output that a setting is to have.
        changes: What was set for all settings; rows made otherwise do not count.
        since: What failed after this time, in seconds of the epoch, is not tried again; None: now.
    """

    def __init__(
        self,
        output: Path,
        settings: Sequence[Setting],
        outputs: Collection[Key],
        changes: Sequence[str] = (),
        since: float | None = None,
    ) -> None:
        self.output, self.settings, self.changes = output, settings, list(changes)
        self.parts = output.with_name(f"{output.name}.parts")
        self.parts.mkdir(parents=True, exist_ok=True)
        self.outputs = Counter(outputs)
        self.since = time.time() if since is None else since
        self._locks: dict[str, int] = {}
        self._done: set[str] = set()
        self._earlier: dict[str, list[Row]] = {}
        for row in read_lines(output):
            self._earlier.setdefault(row["setting"], []).append(row)

    def claim(self) -> Setting | None:
        """Take a setting that nobody has done or has in hand; None if there is none."""
        for setting in self.settings:
            if setting.name in self._locks or self._settled(setting) or not self._lock(setting):
                continue
            if not self._settled(setting):  # by whom the lock was waited for
                return setting
            self.release(setting)
        return None

    def write(self, setting: Setting, rows: Iterable[Row]) -> None:
        """Keep the rows of a setting, whole or not at all."""
        write_text(self._file(setting, "jsonl"), to_lines(rows))
        self._file(setting, "failed").unlink(missing_ok=True)
        self.release(setting)

    def fail(self, setting: Setting, why: str) -> None:
        """Say that a setting failed; those that run now leave it, a later command tries again."""
        write_text(self._file(setting, "failed"), f"{time.time()}\n{why}")
        self.release(setting)

    def release(self, setting: Setting) -> None:
        """Leave a setting to others."""
        os.close(self._locks.pop(setting.name))

    def merge(self) -> list[Row]:
        """Write all rows into the one file, in the order of the settings; safe beside others."""
        with (self.parts / "merge.lock").open("w") as lock:
            _flock(lock.fileno(), wait=True)
            rows = [row for setting in self.settings for row in self.rows(setting)]
            others = {setting.name for setting in self.settings}
            kept = [row for row in read_lines(self.output) if row["setting"] not in others]
            write_text(self.output, to_lines([*kept, *rows]))
        return rows

    def rows(self, setting: Setting) -> list[Row]:
        """Rows of a setting that is done whole; else none."""
        for rows in (
            read_lines(self._file(setting, "jsonl")),
            self._earlier.get(setting.name, []),
        ):
            if self._whole(setting, rows):
                return rows
        return []

    def left(self) -> tuple[list[Setting], list[Setting]]:
        """Settings that failed since then, and those that are not done otherwise."""
        undone = [setting for setting in self.settings if not self.rows(setting)]
        failed = [setting for setting in undone if self._failed(setting)]
        return failed, [setting for setting in undone if setting not in failed]

    def _settled(self, setting: Setting) -> bool:
        if setting.name not in self._done and self.rows(setting):
            self._done.add(setting.name)
        return setting.name in self._done or self._failed(setting)

    def _failed(self, setting: Setting) -> bool:
        try:
            told = self._file(setting, "failed").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        # Not the file's own time: a file system's clock may be some milliseconds behind.
        try:
            return float(told.partition("\n")[0]) >= self.since
        except ValueError:
            return False  # of an older version, which wrote no time

    def _whole(self, setting: Setting, rows: Sequence[Row]) -> bool:
        changes = [*self.changes, *setting.changes]
        found = Counter((row["clip"], row["edit"], row["seed"]) for row in rows)
        return found == self.outputs and all(row["changes"] == changes for row in rows)

    def _lock(self, setting: Setting) -> bool:
        handle = os.open(self._file(setting, "lock"), os.O_CREAT | os.O_RDWR)
        if _flock(handle):
            self._locks[setting.name] = handle
            return True
        os.close(handle)
        return False

    def _file(self, setting: Setting, ending: str) -> Path:
        return self.parts / f"{setting.name.replace(' ', '_')}.{ending}"


def _flock(handle: int, wait: bool = False) -> bool:
    """Lock an open file against all others, until it is closed; whether that went."""
    import fcntl  # not on Windows, where the rest of the laboratory can be imported

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def read_lines(path: Path) -> list[Row]:
    """Rows of a file of JSON lines; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def to_lines(rows: Iterable[Row]) -> str:
    """Rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)
