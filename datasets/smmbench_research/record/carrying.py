"""A folder with everything that `make` needs, for a machine on which nothing can be installed.

It contains the packages at its top level, next to the metadata that lists the methods, so that
`PYTHONPATH=FOLDER python -m smmbench_research.record make ...` runs there. The other dependencies
(PyTorch, diffusers, OpenCV, ...) must be installed on the machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from smmbench_research.record.identity import COMMIT, commit
from smmbench_research.record.plan import Plan

PACKAGES = (
    *("smmbench", "smmbench_baselines", "smmbench_datasets", "smmbench_leaderboard"),
    "smmbench_research",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
METADATA = ("METADATA", "entry_points.txt")
EVERY_WORLD = ("judge", "locator")
"""Models of the world `emoji` that evaluate the outputs of both worlds."""


def carry(plan: Plan, worlds: Collection[str], folder: Path) -> int:
    """Copy everything that some worlds need, without the models and clips of the others.

    Args:
        plan: The plan.
        worlds: Names of the worlds; empty for all.
        folder: Target folder; it must not exist yet.

    Returns:
        The size of the folder, in bytes.

    Raises:
        ValueError: The folder exists already.
    """
    if folder.exists():
        raise ValueError(f"'{folder}' exists already: name another folder.")
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations
        shutil.copytree(
            next(iter(spec.submodule_search_locations)), folder / package, ignore=LEFT_OUT
        )
    installed = distribution("smmbench")
    target = folder / f"smmbench-{installed.version}.dist-info"
    target.mkdir()
    for name in METADATA:
        if (text := installed.read_text(name)) is not None:
            (target / name).write_text(text, encoding="utf-8")
    (folder / COMMIT).write_text(f"{commit()}\n", encoding="utf-8")
    boards = {
        name: world for name, world in plan.worlds.items() if world.dataset != world.validation
    }
    for name in boards.keys() - set(worlds or boards):
        _remove_world(folder / "smmbench_datasets" / name.replace("-", "_"))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove_world(package: Path) -> None:
    """Remove the clips and models of a world, except for those in `EVERY_WORLD`; its code stays."""
    shutil.rmtree(package / "clips", ignore_errors=True)
    for path in (package / "models").rglob("*.safetensors"):
        if not any(one in path.parts for one in EVERY_WORLD):
            path.unlink()
