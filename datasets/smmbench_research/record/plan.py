"""The plan: rows and batches of the board of record, from a table in a file."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from smmbench.dataset import Dataset, load_dataset
from smmbench.plugins import no_such
from smmbench.results import Reference
from smmbench.running.pairs import Pair, choose_pairs

PLAN = Path(__file__).with_name("plan.toml")
REHEARSAL = Path(__file__).with_name("rehearsal.toml")

SEARCH_SEEDS = (0,)
"""Seeds of the videos of a search."""

FIELDS = {
    *("world", "labels", "method", "preset", "set", "seconds", "tried", "searched", "search"),
    *("references", "why"),
}
FIELDS_OF_WORLDS = {"dataset", "validation", "clips", "metrics", "shown", "seeds", "only"}


@dataclass(frozen=True)
class World:
    """A dataset that is ranked.

    Attributes:
        name: Of the world.
        dataset: Its dataset.
        validation: The set that settings are searched on.
        clips: Clips in a batch.
        metrics: Metrics that are computed beside those of every board.
        shown: Every so many clips have a preview and come back.
        seeds: Seeds; none for the protocol's.
        only: Names of clips; none for all.
        limit: Pairs, at most, round-robin over the clips.
    """

    name: str
    dataset: str
    validation: str
    clips: int
    metrics: tuple[str, ...] = ()
    shown: int = 4
    seeds: tuple[int, ...] = ()
    only: tuple[str, ...] = ()
    limit: int | None = None

    @cached_property
    def described(self) -> Dataset:
        """The dataset."""
        return load_dataset(self.dataset)

    @cached_property
    def pairs(self) -> list[Pair]:
        """All pairs that are made, clip by clip."""
        manifest = self.described.manifest
        return choose_pairs(manifest, clips=self.only, seeds=self.seeds, limit=self.limit)

    @cached_property
    def clip_names(self) -> list[str]:
        """Clips in the order of the dataset."""
        return list(dict.fromkeys(pair.clip.name for pair in self.pairs))

    @cached_property
    def shown_pairs(self) -> set[tuple[str, str, int]]:
        """Pairs with a preview: the first prompt and seed of every so many clips."""
        first = {pair.clip.name: pair for pair in reversed(self.pairs)}
        chosen = (first[name] for name in self.clip_names[:: self.shown])
        return {(pair.clip.name, pair.edit.name, pair.seed) for pair in chosen}

    @cached_property
    def sample_pairs(self) -> set[tuple[str, str, int]]:
        """Pairs whose lossless videos stay: the prompts of the first clip with its first seed."""
        first = self.pairs[0]
        return {
            (pair.clip.name, pair.edit.name, pair.seed)
            for pair in self.pairs
            if (pair.clip.name, pair.seed) == (first.clip.name, first.seed)
        }


@dataclass(frozen=True)
class Row:
    """A row of a board.

    Attributes:
        world: Of the world that it is on.
        label: Its name on the board.
        method: As `smmbench run --method`.
        preset: As `smmbench run --preset`; None for that of the dataset.
        changes: As `smmbench run --set`, each `name=value`.
        seconds: Of one GPU for a pair, as far as it is known.
        tried: Settings that a search tried; 1 where nothing was searched.
        searched: Page that tells of the search.
        search: Whether the search is a part of this run.
        references: The motions that the method is given.
        why: Why the row is here.
        trial_of: Name of the row whose search this is a trial of; empty for a row of a board.
    """

    world: str
    label: str
    method: str
    seconds: float
    tried: int
    preset: str | None = None
    changes: tuple[str, ...] = ()
    searched: str = ""
    search: bool = False
    references: tuple[Reference, ...] = ("forward",)
    why: str = ""
    trial_of: str = ""

    @property
    def name(self) -> str:
        """Of the row among those of all worlds, such as `emoji/smm`."""
        return f"{self.trial_of or self.world}/{self.label}"


@dataclass(frozen=True)
class Task:
    """A batch: pairs of some clips that are made at once, and scored where they are made.

    A batch is made whole or again, never in parts: rounding depends on how many are computed
    together, and a stranger who makes the same batch must get the same pixels.
    """

    row: Row
    reference: Reference
    number: int
    clips: tuple[str, ...]
    names: tuple[str, ...]  # of its pairs: clip, edit and seed

    @property
    def pairs(self) -> int:
        """How many."""
        return len(self.names)

    @property
    def name(self) -> str:
        """Such as `emoji/smm/forward-03`."""
        return f"{self.row.name}/{self.reference}-{self.number:02}"

    @property
    def seconds(self) -> float:
        """Of one GPU, as far as it is known."""
        return self.pairs * self.row.seconds


@dataclass(frozen=True)
class Plan:
    """All rows.

    Attributes:
        worlds: By name.
        rows: In the order of the file.
        sha256: Of the file.
    """

    worlds: Mapping[str, World]
    rows: tuple[Row, ...]
    sha256: str = field(repr=False)

    def row(self, name: str) -> Row:
        """A row by its name, `world/label`.

        Raises:
            LookupError: There is none.
        """
        known = {row.name: row for row in self.rows}
        if name not in known:
            raise LookupError(no_such("row", name, known))
        return known[name]

    def chosen(
        self,
        worlds: Collection[str] = (),
        rows: Collection[str] = (),
        without: Collection[str] = (),
    ) -> list[Row]:
        """Rows of these worlds, in the order of the worlds, and names; none for all.

        Args:
            worlds: Names of worlds.
            rows: Names of rows.
            without: Names of rows that are not wanted.

        Raises:
            LookupError: There is no such world or row.
        """
        for world in worlds:
            if world not in self.worlds:
                raise LookupError(no_such("world", world, self.worlds))
        named = {self.row(name).name for name in rows}
        unwanted = {self.row(name).name for name in without}
        order = list(worlds or self.worlds)
        found = [
            row
            for row in self.rows
            if row.world in order and (not named or row.name in named) and row.name not in unwanted
        ]
        return sorted(found, key=lambda row: order.index(row.world))

    def tasks(self, rows: Sequence[Row]) -> list[Task]:
        """Batches in the order in which they are best begun.

        Trials of searches come first, since rows wait for them; then the clips' own motion of all
        rows, which alone is a board; then other references. Within each, worlds come in the order
        in which the rows name them first, and what takes longest is begun first, so that all GPUs
        end together.
        """
        worlds = list(dict.fromkeys(row.world for row in rows))
        found = [task for row in rows for task in self._tasks_of(row)]
        total = {
            (row.name, reference): sum(
                task.seconds for task in found if task.row == row and task.reference == reference
            )
            for row in rows
            for reference in row.references
        }
        return sorted(
            found,
            key=lambda task: (
                not task.row.trial_of,
                task.reference != "forward",
                worlds.index(task.row.world),
                -total[task.row.name, task.reference],
                task.row.name,
                task.number,
            ),
        )

    def _tasks_of(self, row: Row) -> Iterator[Task]:
        world = self.worlds[row.world]
        for reference in row.references:
            for number, first in enumerate(range(0, len(world.clip_names), world.clips)):
                clips = tuple(world.clip_names[first : first + world.clips])
                names = tuple(str(pair) for pair in world.pairs if pair.clip.name in clips)
                yield Task(row, reference, number, clips, names)


def read_plan(path: Path = PLAN) -> Plan:
    """Read the table.

    Raises:
        ValueError: A field is unknown or missing, a row stands twice, or lists differ in length.
    """
    text = path.read_bytes()
    content = tomllib.loads(text.decode())
    worlds = {name: _world(name, about, path) for name, about in content["worlds"].items()}
    worlds |= {searched_world(one.name): _searched(one) for one in worlds.values()}
    rows = [row for about in content["rows"] for row in _rows(about, worlds, path)]
    names = [row.name for row in rows]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"'{path}' has a row twice: {', '.join(sorted(twice))}.")
    return Plan(worlds, tuple(rows), hashlib.sha256(text).hexdigest())


def key_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of a value that JSON has, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def searched_world(name: str) -> str:
    """Name of the world that rows of this world are searched on."""
    return f"{name} validation"


def _searched(world: World) -> World:
    """The validation set of a world: all of it is one batch, with the seed that searches take."""
    return World(
        name=searched_world(world.name),
        dataset=world.validation,
        validation=world.validation,
        clips=10**6,
        seeds=SEARCH_SEEDS,
        limit=len(world.only) or None,
    )


def _world(name: str, about: dict[str, Any], path: Path) -> World:
    _refuse_unknown(about, FIELDS_OF_WORLDS, f"world '{name}'", path)
    lists = {key: tuple(value) for key, value in about.items() if isinstance(value, list)}
    return World(name, **(about | lists))


def _rows(about: dict[str, Any], worlds: Mapping[str, World], path: Path) -> Iterator[Row]:
    what = f"row of {about.get('labels')}"
    _refuse_unknown(about, FIELDS, what, path)
    if about["world"] not in worlds:
        raise ValueError(f"'{path}': {no_such('world', about['world'], worlds)}")
    labels, seconds = about["labels"], about["seconds"]
    if len(labels) != len(seconds):
        raise ValueError(f"'{path}': the {what} has {len(seconds)} seconds for {len(labels)} rows.")
    for label, cost in zip(labels, seconds, strict=True):
        yield Row(
            world=about["world"],
            label=label,
            method=about.get("method", label),
            seconds=float(cost),
            tried=about["tried"],
            preset=about.get("preset"),
            changes=tuple(about.get("set", ())),
            searched=about.get("searched", ""),
            search=about.get("search", False),
            references=tuple(about.get("references", ("forward",))),
            why=about.get("why", ""),
        )


def _refuse_unknown(about: Mapping[str, Any], known: set[str], what: str, path: Path) -> None:
    if unknown := sorted(about.keys() - known):
        raise ValueError(
            f"'{path}': the {what} has the unknown field '{unknown[0]}'; there is: "
            f"{', '.join(sorted(known))}."
        )
