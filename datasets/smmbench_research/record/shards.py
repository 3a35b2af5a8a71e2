"""Pack the results of a machine into a few files, and unpack those of all machines in one folder.

A shard is an uncompressed tar file: `manifest.json`, then one `.json.xz` per batch (its records and
scores, byte for byte), previews, tracks and the lossless videos of the sample. The contents of a
shard are not trusted: only files of batches of this plan are accepted, each in its own place.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import tarfile
import tomllib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.results import VIDEO, Stored, parse
from smmbench.results.files import METHOD, RECORD, SCORES
from smmbench.results.records import MethodFile, RunRecord, ScoreFile
from smmbench.results.scored_tracks import TRACKS
from smmbench.storage.atomic import atomic_path, held
from smmbench_research.record.identity import code_sha256, commit, task_key
from smmbench_research.record.making import is_done, keys_of, previews_of
from smmbench_research.record.plan import Plan, Row, Task
from smmbench_research.record.state import Done, State, folders_of

SHARD = "shard-{:02}.tar"
MANIFEST = "manifest.json"
HEADER = 1024  # bytes of a file's header in a tar, and of its padding to a multiple of 512
MOST = 256 << 20  # maximum size of an unpacked batch, in bytes
TEXTS, KEPT = (RECORD, SCORES), (VIDEO, TRACKS)


class Shard(Stored):
    """Content of `manifest.json`.

    Attributes:
        schema_version: Version of this schema.
        code: SHA-256 of the code that generated and scored the videos.
        commit: Commit of the clone that packed the shard; empty outside a clone.
        plan: SHA-256 of the plan's file.
        tasks: Keys of the batches in the shard, by name.
    """

    schema_version: int = 1
    code: str
    commit: str
    plan: str
    tasks: dict[str, str]


@dataclass(frozen=True)
class Packed:
    """The result of packing.

    Attributes:
        files: The shards.
        tasks: Number of batches in them.
        left_out: Names of what did not fit; batches are needed, previews are not.
    """

    files: tuple[Path, ...]
    tasks: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Unpacked:
    """The result of unpacking.

    Attributes:
        taken: Names of the batches that are new in this folder.
        there: Names of the batches that were in this folder before.
    """

    taken: tuple[str, ...]
    there: tuple[str, ...]


Item = tuple[str, bytes]


def pack(
    plan: Plan,
    rows: Sequence[Row],
    state: State,
    output: Path,
    max_bytes: int,
    files: int,
    elsewhere: Collection[str] = (),
) -> Packed:
    """Pack all finished batches into a limited number of files of limited size.

    Records and scores come first, in the order of `Plan.tasks`; then the sample and its tracks, and
    then previews, as far as space permits.

    Args:
        plan: The plan.
        rows: Rows to pack.
        state: The run's folder.
        output: Folder for the shards.
        max_bytes: Maximum size of a shard, in bytes.
        files: Maximum number of shards.
        elsewhere: Keys of batches that were packed before and are left out.

    Raises:
        ValueError: No batch is done.
    """
    keys = keys_of(rows, plan, state)
    done = [
        task
        for task in plan.tasks(rows)
        if task.row.name in keys
        and is_done(task, plan, state, keys[task.row.name])
        and task_key(task, keys[task.row.name]) not in elsewhere
    ]
    if not done:
        raise ValueError(f"No batch of this plan is done in '{state.folder}'.")
    bins = _Bins(files, max_bytes)
    for row in rows:
        if state.tuned(row).is_file():
            bins.put(f"tuned/{state.tuned(row).name}", state.tuned(row).read_bytes())
    left_out = []
    tasks: list[dict[str, str]] = [{} for _ in range(files)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # compression releases the GIL
        batches = list(pool.map(lambda task: _packed(task, plan, state), done))
    for task, batch in zip(done, batches, strict=True):
        place = bins.put(f"tasks/{task.name}.json.xz", batch)
        if place is None:
            left_out.append(task.name)
        else:
            tasks[place][task.name] = task_key(task, keys[task.row.name])
    packed = {name for some in tasks for name in some}
    kept = [*_kept(done, plan, state), *_previews(done, plan, state)]
    left_out += [name for name, content in kept if bins.put(name, content) is None]
    written = []
    for place, items in enumerate(bins.items):
        if items:
            about = Shard(code=code_sha256(), commit=commit(), plan=plan.sha256, tasks=tasks[place])
            content = about.model_dump_json(indent=1).encode()
            path = output / SHARD.format(place + 1)
            _write(path, [(MANIFEST, content), *items])
            written.append(path)
    return Packed(tuple(written), len(packed), tuple(left_out))


def unpack(shards: Sequence[Path], plan: Plan, rows: Sequence[Row], state: State) -> Unpacked:
    """Unpack the contents of shards that belong to some rows into one folder.

    Raises:
        ValueError: A file is not a shard; or a shard was made by other code, from another plan, or
            with other parameters, or contains another result of a batch in this folder. Nothing of
            it is written.
    """
    taken: dict[str, None] = {}
    there: dict[str, None] = {}
    opened = [_open(path) for path in shards]
    for path, (about, items) in zip(shards, opened, strict=True):
        _refuse_other_run(path, about, plan)
        for name, content in items.items():
            if name.startswith("tuned/"):
                _take_tuned(path, name, content, plan, rows, state)
    keys = keys_of(rows, plan, state)
    tasks = {task.name: task for task in plan.tasks(rows)}
    unwanted = {task.name for task in plan.tasks(plan.rows)} - tasks.keys()
    checked: list[tuple[Task, dict[str, Any]]] = []
    for path, (about, items) in zip(shards, opened, strict=True):
        for name, key in about.tasks.items():
            if name in unwanted:
                continue
            task = tasks.get(name)
            if (
                task is None
                or task.row.name not in keys
                or task_key(task, keys[task.row.name]) != key
            ):
                raise ValueError(
                    f"'{path}' contains '{name}', which was not made as this plan says, but with "
                    "other parameters, pairs or data."
                )
            checked.append((task, _opened(path, task, items[f"tasks/{name}.json.xz"], plan, state)))
    with held(state.folder):
        for task, batch in checked:
            (there if _take(task, batch, plan, state) else taken)[task.name] = None
        for _, items in opened:
            _take_kept(items, {**taken, **there}, tasks, plan, state)
    return Unpacked(tuple(taken), tuple(there))


class _Bins:
    """Files of limited size, filled in order."""

    def __init__(self, count: int, size: int) -> None:
        self.items: list[list[Item]] = [[] for _ in range(count)]
        self._room = [size - 64 * 1024 for _ in range(count)]  # manifest and end

    def put(self, name: str, content: bytes) -> int | None:
        """Put a file into the first bin with enough space and return its index, or None."""
        size = len(content) + HEADER
        for place, room in enumerate(self._room):
            if size <= room:
                self._room[place] -= size
                self.items[place].append((name, content))
                return place
        return None


def _packed(task: Task, plan: Plan, state: State) -> bytes:
    """The content of a batch: its marker, its method's file, its records and scores."""
    texts: dict[str, str] = {}
    for _, folder in folders_of(task, plan, state):
        for name in TEXTS:
            if (path := folder / name).is_file():
                texts[path.relative_to(state.results).as_posix()] = path.read_text("utf-8")
    method = state.results / task.row.label / METHOD
    content = {
        "done": state.marker(task).read_text("utf-8"),
        "method": method.read_text("utf-8"),
        "files": texts,
    }
    return lzma.compress(json.dumps(content, ensure_ascii=False).encode(), preset=6)


def _kept(tasks: Sequence[Task], plan: Plan, state: State) -> Iterator[Item]:
    """Lossless videos of the sample, and scored tracks."""
    for task in tasks:
        for _, folder in folders_of(task, plan, state):
            for name in KEPT:
                if (path := folder / name).is_file():
                    yield f"results/{path.relative_to(state.results).as_posix()}", path.read_bytes()


def _previews(tasks: Sequence[Task], plan: Plan, state: State) -> Iterator[Item]:
    for task in tasks:
        for path in previews_of(task, plan, state):
            if path.is_file():
                yield f"media/{path.name}", path.read_bytes()


def _write(path: Path, items: Sequence[Item]) -> None:
    with atomic_path(path) as temporary, tarfile.open(temporary, "w") as tar:
        for name, content in items:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))


def _open(path: Path) -> tuple[Shard, dict[str, bytes]]:
    try:
        with tarfile.open(path) as tar:
            files = [one for one in tar if one.isfile()]
            items = {one.name: tar.extractfile(one).read() for one in files}  # type: ignore[union-attr]
        return Shard.model_validate_json(items.pop(MANIFEST)), items
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"'{path}' is not a shard, or is truncated: {error}.") from error


def _refuse_other_run(path: Path, about: Shard, plan: Plan) -> None:
    if about.plan != plan.sha256:
        raise ValueError(f"'{path}' was made from another plan (SHA-256 {about.plan[:12]}).")
    if about.code != code_sha256():
        at = f", commit {about.commit[:12]}" if about.commit else ""
        here = f", commit {commit()[:12]}" if commit() else ""
        raise ValueError(
            f"'{path}' was made by other code (SHA-256 {about.code[:12]}{at}) than this "
            f"installation's ({code_sha256()[:12]}{here}): their rows cannot be mixed."
        )


def _take_tuned(
    path: Path, name: str, content: bytes, plan: Plan, rows: Sequence[Row], state: State
) -> None:
    """Keep the choice of a search; two machines agree if they chose the same settings.

    Only the choices are compared, because means differ in the last digits, and so do times.
    """
    known = {state.tuned(row).name: (row, state.tuned(row)) for row in plan.rows if row.search}
    row, target = known.get(name.removeprefix("tuned/"), (None, path))
    if row is None:
        raise ValueError(f"'{path}' contains '{name}', which belongs to no search of this plan.")
    if row not in rows:
        return
    if not target.is_file():
        with atomic_path(target) as temporary:
            temporary.write_bytes(content)
    elif _choice(target.read_bytes()) != _choice(content):
        raise ValueError(
            f"'{path}' contains another choice of the search '{target.name}' than this folder. "
            f"Take the row from one machine: `--without {row.name}` leaves it out of a shard."
        )


def _choice(tuned: bytes) -> dict[str, Any]:
    """The choice of a search: the method, the preset and the settings."""
    content = tomllib.loads(tuned.decode())
    return {name: content.get(name) for name in ("entry", "preset", "parameters")}


def _opened(path: Path, task: Task, packed: bytes, plan: Plan, state: State) -> dict[str, Any]:
    """The content of a batch, after checking that each file belongs where it is stored."""
    unpacker = lzma.LZMADecompressor(memlimit=MOST)
    content: dict[str, Any] = json.loads(unpacker.decompress(packed, max_length=MOST))
    places = {
        folder.relative_to(state.results).as_posix(): pair
        for pair, folder in folders_of(task, plan, state)
    }
    done = Done.model_validate_json(content["done"])
    MethodFile.model_validate_json(content["method"])
    for name, text in content["files"].items():
        folder, _, file = name.rpartition("/")
        if folder not in places or file not in TEXTS:
            raise ValueError(f"'{path}': '{name}' is not a file of the batch '{task.name}'.")
        content_of = text.encode()
        request = (
            parse(content_of, RunRecord, name).request
            if file == RECORD
            else parse(content_of, ScoreFile, name).request
        )
        if (request.clip, request.edit, request.seed) != places[folder]:
            raise ValueError(f"'{path}': '{name}' belongs to another pair.")
    records = [name for name in content["files"] if name.endswith(f"/{RECORD}")]
    if len(records) != len(places) or not done.key:
        raise ValueError(f"'{path}': '{task.name}' has {len(records)} of {len(places)} records.")
    return content


def _take(task: Task, content: dict[str, Any], plan: Plan, state: State) -> bool:
    """Write the files of a batch; return whether the same batch existed already.

    Raises:
        ValueError: The batch exists with another result.
    """
    if state.done(task) is not None:
        here = {
            path.relative_to(state.results).as_posix(): path.read_text("utf-8")
            for _, folder in folders_of(task, plan, state)
            for path in (folder / name for name in TEXTS)
            if path.is_file()
        }
        if here != content["files"]:
            raise ValueError(
                f"'{task.name}' exists already with other videos or scores: two machines made it. "
                "Keep one of them, and unpack the other into another folder."
            )
        return True
    for name, text in content["files"].items():
        _write_bytes(state.results / name, text.encode())
    _take_method(state.results / task.row.label / METHOD, content["method"])
    _write_bytes(state.marker(task), content["done"].encode())
    return False


def _take_method(path: Path, text: str) -> None:
    """Merge the method files of two machines, each of which has the datasets of its own work."""
    new = MethodFile.model_validate_json(text)
    if path.is_file():
        old = MethodFile.model_validate_json(path.read_bytes())
        new = old.model_copy(
            update={
                "parameters": {**old.parameters, **new.parameters},
                "tuning": {**old.tuning, **new.tuning},
            }
        )
    _write_bytes(path, (new.model_dump_json(indent=2) + "\n").encode())


def _take_kept(
    items: dict[str, bytes],
    names: dict[str, None],
    tasks: dict[str, Task],
    plan: Plan,
    state: State,
) -> None:
    """Write the videos and tracks of batches in this folder, and previews."""
    places = {
        f"results/{(folder / name).relative_to(state.results).as_posix()}": folder / name
        for task in names
        for _, folder in folders_of(tasks[task], plan, state)
        for name in KEPT
    }
    for name, content in items.items():
        file = name.removeprefix("media/")
        if name in places:
            _write_bytes(places[name], content)
        elif name == f"media/{file}" and "/" not in file and file.endswith(".webp"):
            _write_bytes(state.folder / "media" / file, content)


def _write_bytes(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
