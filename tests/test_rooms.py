"""The rooms of the code: which may import which, what they are called, and what they load."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import smmbench

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmark" / "rooms.toml"
SOURCES = {
    "smmbench": ROOT / "benchmark" / "smmbench",
    "smmbench_baselines": ROOT / "baselines" / "smmbench_baselines",
    "smmbench_datasets": ROOT / "datasets" / "smmbench_datasets",
    "smmbench_leaderboard": ROOT / "leaderboard" / "smmbench_leaderboard",
}
DIVIDED = {"smmbench", "smmbench_leaderboard"}  # packages of rooms; the others are one room each


def room_of(module: str) -> str:
    """`dataset` for smmbench.dataset.files; `leaderboard.board`; `baselines` for all of it."""
    package, *rest = module.split(".")
    place = SOURCES[package]
    if rest and not (place / rest[0]).is_dir() and not (place / f"{rest[0]}.py").exists():
        rest = []  # a name of the package itself, such as smmbench.__version__
    short = "" if package == "smmbench" else package.removeprefix("smmbench_")
    inner = rest[0] if package in DIVIDED and rest else ""
    return ".".join(part for part in (short, inner) if part) or "face"


def modules() -> Iterator[tuple[str, Path]]:
    for folder in SOURCES.values():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path) -> set[str]:
    """Modules of the project that a file imports, at its top or inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in SOURCES}


@cache
def arrows() -> dict[str, dict[str, str]]:
    """For each room, the rooms that it imports, each with one file that does."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for module, path in modules():
        room = room_of(module)
        for name in imported(path):
            other = room_of(name)
            if other not in ("face", room):
                found[room][other] = f"{path.relative_to(ROOT)} imports {name}"
    return found


@cache
def table() -> dict[str, list[str]]:
    rooms: dict[str, list[str]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["rooms"]
    return rooms


def test_rooms_import_what_the_table_allows_and_no_more() -> None:
    allowed = table()
    wrong = [
        f"{room} -> {other}: {where}"
        for room, others in arrows().items()
        if room != "face"
        for other, where in others.items()
        if other not in allowed.get(room, [])
    ]
    assert not wrong, "\n".join(wrong)


def test_the_table_allows_nothing_that_is_not_used() -> None:
    used = arrows()
    stale = [
        f"{room} -> {other}"
        for room, others in table().items()
        for other in others
        if other not in used.get(room, {})
    ]
    gone = set(table()) - {room_of(module) for module, _ in modules()}
    assert not stale and not gone


def test_no_arrow_points_upwards() -> None:
    """Each room of the table imports only rooms above its own line, so there is no circle."""
    before: set[str] = set()
    for room, others in table().items():
        assert set(others) <= before, f"{room} imports {sorted(set(others) - before)} below it."
        before.add(room)


def test_few_files_lie_outside_rooms() -> None:
    assert len(list(SOURCES["smmbench"].glob("*.py"))) <= 12


def test_no_room_has_the_name_of_a_file_beside_it_but_for_an_s() -> None:
    for folder in SOURCES.values():
        for inside in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            names = [path.stem for path in inside.glob("*.py")]
            names += [path.name for path in inside.iterdir() if (path / "__init__.py").exists()]
            for name in names:
                assert f"{name}s" not in names, f"{inside.relative_to(ROOT)}: {name} and {name}s"


def test_public_names_stay_what_they_are_when_all_is_imported() -> None:
    """A room `smmbench.run` would replace the function `smmbench.run` once it is imported."""
    before = {name: getattr(smmbench, name) for name in smmbench.__all__}
    for found in pkgutil.walk_packages(smmbench.__path__, "smmbench."):
        if not found.name.endswith(("__main__", ".kernels", ".ray")):  # Triton, Ray: extras
            importlib.import_module(found.name)
    assert {name: getattr(smmbench, name) for name in smmbench.__all__} == before


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("smmbench", {"torch", "numpy", "pandas", "cv2", "av", "diffusers", "pydantic"}),
        ("smmbench.smm", {"av", "pandas", "cv2", "diffusers", "transformers", "open_clip"}),
        ("smmbench.statistics", {"torch", "av", "pandas", "cv2"}),
    ],
)
def test_importing_loads_no_more_than_it_needs(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not unwanted & set(run.stdout.split())
