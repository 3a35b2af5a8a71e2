"""Build every case below a folder; run by `python -m tests.hostile` in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import tests.hostile.archive_cases
import tests.hostile.command_cases
import tests.hostile.identity_cases
import tests.hostile.json_cases
import tests.hostile.ledger_cases
import tests.hostile.text_cases
import tests.hostile.video_cases  # noqa: F401
from tests.hostile.cases import build_all
from tests.hostile.world import World

if __name__ == "__main__":
    target = Path(sys.argv[1])
    build_all(World(target / "world"), target)
