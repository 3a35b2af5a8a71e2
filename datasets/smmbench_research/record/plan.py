"""The plan: the rows and batches of the board of record, read from a table in a file."""

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
        name: Name of the world.
        dataset: Name of its dataset.
        validation: Name of the dataset on which settings are searched.
        clips: Number of clips in a batch.
        metrics: Metrics that are computed in addition to those of every board.
        shown: One clip in this many has a preview, which `pack` includes.
        seeds: Seeds; empty for the protocol's seeds.
        only: Names of clips; empty for all.
        limit: Maximum number of pairs, taken round-robin over the clips.
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
        """All pairs of the run, clip by clip."""
        manifest = self.described.manifest
        return choose_pairs(manifest, clips=self.only, seeds=self.seeds, limit=self.limit)

    @cached_property
    def clip_names(self) -> list[str]:
        """Names of the clips, in the order of the dataset."""
        return list(dict.fromkeys(pair.clip.name for pair in self.pairs))

    @cached_property
    def shown_pairs(self) -> set[tuple[str, str, int]]:
        """Pairs with a preview: the first prompt and seed of one clip in `shown`."""
        first = {pair.clip.name: pair for pair in reversed(self.pairs)}
        chosen = (first[name] for name in self.clip_names[:: self.shown])
        return {(pair.clip.name, pair.edit.name, pair.seed) for pair in chosen}

    @cached_property
    def sample_pairs(self) -> set[tuple[str, str, int]]:
        """The pair whose lossless video is kept: the first prompt and seed of the first clip."""
        first = self.pairs[0]
        return {(first.clip.name, first.edit.name, first.seed)}


@dataclass(frozen=True)
class Row:
    """A row of a board.

    Attributes:
        world: Name of its world.
        label: Its name on the board.
        method: The method, as in `smmbench run --method`.
        preset: The preset, as in `smmbench run --preset`; None for that of the dataset.
        changes: Changed parameters, as in `smmbench run --set`, each `name=value`.
        seconds: Seconds of one GPU per pair, as far as they are known.
        tried: Number of settings that a search tried; 1 without a search.
        searched: Page that describes the search.
        search: Whether the search is part of this run.
        references: The references given to the method.
        why: Why the row is included.
        trial_of: For a trial, name of the row that is searched; empty for a row of a board.
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
        """Name of the row, unique among all worlds, such as `emoji/smm`."""
        return f"{self.trial_of or self.world}/{self.label}"


@dataclass(frozen=True)
class Task:
    """A batch: pairs of some clips that are generated together and scored on the same machine.

    A batch is generated as a whole, never in parts: rounding depends on how many pairs are computed
    together, and anyone who regenerates the batch must get the same pixels.
    """

    row: Row
    reference: Reference
    number: int
    clips: tuple[str, ...]
    names: tuple[str, ...]  # names of its pairs: clip, edit and seed

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.names)

    @property
    def name(self) -> str:
        """Name of the batch, such as `emoji/smm/forward-03`."""
        return f"{self.row.name}/{self.reference}-{self.number:02}"

    @property
    def seconds(self) -> float:
        """Seconds of one GPU, as far as they are known."""
        return self.pairs * self.row.seconds


@dataclass(frozen=True)
class Plan:
    """All rows of the board of record.

    Attributes:
        worlds: The worlds by name.
        rows: The rows, in the order of the file.
        sha256: SHA-256 of the file.
    """

    worlds: Mapping[str, World]
    rows: tuple[Row, ...]
    sha256: str = field(repr=False)

    def row(self, name: str) -> Row:
        """Return a row by its name, `world/label`.

        Raises:
            LookupError: There is no row of this name.
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
        """Select rows by world and by name, in the order in which the worlds are named.

        Args:
            worlds: Names of worlds; empty for all.
            rows: Names of rows; empty for all.
            without: Names of rows to leave out.

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
        """The batches of some rows, in the best order to start them.

        Trials of searches come first, because rows wait for them; then the clips' own motion of all
        rows, which is sufficient for a board; then the other references. Within each group, worlds
        come in the order in which the rows first name them, and the longest rows start first, so
        that all GPUs finish together.
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
    """Read a plan from its file.

    Raises:
        ValueError: A field is unknown, a row occurs twice, or lists differ in length.
    """
    text = path.read_bytes()
    content = tomllib.loads(text.decode())
    worlds = {name: _world(name, about, path) for name, about in content["worlds"].items()}
    worlds |= {searched_world(one.name): _searched(one) for one in worlds.values()}
    rows = [row for about in content["rows"] for row in _rows(about, worlds, path)]
    names = [row.name for row in rows]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"'{path}' contains a row twice: {', '.join(sorted(twice))}.")
    return Plan(worlds, tuple(rows), hashlib.sha256(text).hexdigest())


def key_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of a value that JSON can hold, independent of the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def searched_world(name: str) -> str:
    """Name of the world on which rows of this world are searched."""
    return f"{name} validation"


def _searched(world: World) -> World:
    """The validation set of a world, as a single batch with the seeds of searches."""
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
            f"'{path}': the {what} has the unknown field '{unknown[0]}'. The fields "
            f"are: {', '.join(sorted(known))}."
        )
