"""Working folders of calls: one per call, removed when the call ends."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from smmbench.storage.home import home

OLD = 3 * 24 * 3600.0  # seconds after which the folder of a killed run is removed


def _work() -> Path:
    return home() / "external" / "work"


def own_folder() -> Path:
    """Create an empty folder; the caller removes it."""
    _work().mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=_work(), prefix=f"{os.getpid()}-"))


def remove_old() -> None:
    """Remove the folders that killed runs left behind."""
    for folder in _work().glob("*-*"):
        try:
            if time.time() - folder.stat().st_mtime > OLD:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
