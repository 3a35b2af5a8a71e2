"""What a hostile case is, and the list that every module of this folder adds its own to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hostile.world import World


@dataclass(frozen=True)
class Case:
    """One command line and its expected outcome.

    Attributes:
        kind: Short name; one kind of attack each.
        group: What it attacks: `honest`, `archive`, `json`, `video`, `identity`, `text`, `files`,
            `ledger`.
        command: Arguments of `smmbench`.
        code: The exit code that is right; None: 0, 1 or 2, where what is broken is left out.
        says: Words of which one must stand in what is printed; none: anything may.
    """

    kind: str
    group: str
    command: tuple[str, ...]
    code: int | None = 1
    says: tuple[str, ...] = field(default=())


Build = Callable[["World", Path], Sequence[str]]
_BUILDERS: dict[str, tuple[str, Build, int | None, tuple[str, ...]]] = {}


def case(kind: str, group: str, *says: str, code: int | None = 1) -> Callable[[Build], Build]:
    """Add a case; the function writes what is needed into a folder and gives the arguments."""

    def add(build: Build) -> Build:
        assert kind not in _BUILDERS, kind
        _BUILDERS[kind] = (group, build, code, says)
        return build

    return add


def build_all(world: World, folder: Path) -> None:
    """Write every case below `folder`, and their list as `cases.json`."""
    cases = []
    for number, (kind, (group, build, code, says)) in enumerate(_BUILDERS.items()):
        place = folder / f"{number:03}"
        place.mkdir(parents=True)
        command = tuple(str(word) for word in build(world, place))
        cases.append(Case(kind, group, command, code, says))
    (folder / "cases.json").write_text(json.dumps([asdict(one) for one in cases], indent=1))


def read_cases(folder: Path) -> list[Case]:
    """Read the list that `build_all` wrote."""
    return [
        Case(**{**one, "command": tuple(one["command"]), "says": tuple(one["says"])})
        for one in json.loads((folder / "cases.json").read_text())
    ]
