"""What a result of this run depends on: code, parameters, data. A change gives another key."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from smmbench.method.parameters import build_parameters, choose_preset, parameters_to_json
from smmbench.resolving import resolve
from smmbench.storage.home import file_sha256
from smmbench.tuning.tuned_file import read_tuned
from smmbench_leaderboard.board.build import manifest_sha256
from smmbench_research.record.plan import Plan, Row, Task, key_of
from smmbench_research.record.state import State

PACKAGES = ("smmbench", "smmbench_baselines", "smmbench_datasets")
"""Packages that generate or score videos. The board, the site and this command may change between
the parts of a run."""


@cache
def code_sha256() -> str:
    """SHA-256 of all code that generates or scores videos, and of the checksums of its weights."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations
        root = Path(next(iter(spec.submodule_search_locations)))
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".toml") or path.name == "SHA256SUMS":
                name = f"{package}/{path.relative_to(root).as_posix()}"
                digest.update(f"{name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


COMMIT = "COMMIT"
"""File in a folder written by `carry` that names the commit from which it was made."""


@cache
def commit() -> str:
    """The commit of this clone, or of the clone whose `carry` wrote this folder; else empty."""
    carried = Path(__file__).parents[2] / COMMIT
    if carried.is_file():
        return carried.read_text("utf-8").strip()
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def settings_of(row: Row, state: State) -> dict[str, Any]:
    """Preset, settings and tuning of a row, as arguments of `plan_run`.

    Raises:
        ValueError: The row's search is not done, or is of another method.
    """
    if not row.search:
        return {"preset": row.preset, "settings": row.changes, "tuning": None}
    path = state.tuned(row)
    if not path.is_file():
        raise ValueError(f"The search of '{row.name}' is not done: '{path}' is missing.")
    found = read_tuned(path, resolve(row.method))
    return {"preset": found.preset, "settings": found.settings, "tuning": found.tuning}


def row_key(row: Row, plan: Plan, state: State) -> str:
    """SHA-256 of everything that the videos and scores of a row depend on."""
    world = plan.worlds[row.world]
    resolved, settings = resolve(row.method), settings_of(row, state)
    preset = choose_preset(resolved.implementation, settings["preset"], world.dataset)
    parameters = build_parameters(resolved.implementation, preset, settings["settings"], {})
    return key_of(
        {
            "code": code_sha256(),
            "dataset": manifest_sha256(world.described),
            "entry": resolved.entry,
            "label": row.label,
            "parameters": parameters_to_json(parameters),
            "metrics": list(world.metrics),
        }
    )


def task_key(task: Task, row: str) -> str:
    """SHA-256 of a batch: of its row, and of the pairs that are generated together."""
    return key_of(
        {
            "row": row,
            "reference": task.reference,
            "number": task.number,
            "pairs": list(task.names),
        }
    )
