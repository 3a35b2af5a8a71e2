"""What comes back from a machine, in a few files; and all of it in one folder again.

A shard is an uncompressed tar file: `manifest.json`, then one `.json.xz` a batch (its records and
scores, byte for byte), previews, tracks and the lossless videos of the sample. What a shard says of
itself is not believed: only files of batches of this plan are taken, into their own places.
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
HEADER = 1024  # bytes of a file's header in a tar, and of its filling up to 512
MOST = 256 << 20  # bytes that one batch unpacks to
TEXTS, KEPT = (RECORD, SCORES), (VIDEO, TRACKS)


class Shard(Stored):
    """Content of `manifest.json`.

    Attributes:
        schema_version: Of this form.
        code: SHA-256 of the code that made and scored the videos.
        commit: Of the clone that packed; empty if it was none.
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
    """What was packed.

    Attributes:
        files: The shards.
        tasks: Batches in them.
        left_out: What did not fit, by name: batches are missed, previews are not.
    """

    files: tuple[Path, ...]
    tasks: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Unpacked:
    """What was taken from shards.

    Attributes:
        taken: Names of batches that are new here.
        there: Names of batches that were here before.
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
    """Pack every batch that is done into at most so many files of at most so many bytes.

    Records and scores go first, in the order in which they were best made; then the sample and
    its tracks, and then previews, as far as there is room.

    Args:
        plan: The plan.
        rows: Rows that are packed.
        state: The run's folder.
        output: Folder of the shards.
        max_bytes: Of one shard.
        files: Shards, at most.
        elsewhere: Keys of batches that were brought back before.

    Raises:
        ValueError: Nothing is done.
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
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # compression holds no lock
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
    """Take what shards hold of some rows into one folder.

    Raises:
        ValueError: A shard was made by other code, from another plan, or with other parameters; is
            no shard; or holds another result of a batch that is here. Nothing of it is taken.
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
                    f"'{path}' holds '{name}', which was made otherwise than this plan says: with "
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
    """Files of a bounded size, filled in order."""

    def __init__(self, count: int, size: int) -> None:
        self.items: list[list[Item]] = [[] for _ in range(count)]
        self._room = [size - 64 * 1024 for _ in range(count)]  # of the manifest, and of the end

    def put(self, name: str, content: bytes) -> int | None:
        """Put a file into the first bin that has room; None if none has."""
        size = len(content) + HEADER
        for place, room in enumerate(self._room):
            if size <= room:
                self._room[place] -= size
                self.items[place].append((name, content))
                return place
        return None


def _packed(task: Task, plan: Plan, state: State) -> bytes:
    """A batch: what says that it is done, its method's file, records and scores."""
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
    """Lossless videos of the sample, and tracks."""
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
        raise ValueError(f"'{path}' is no shard, or was cut: {error}.") from error


def _refuse_other_run(path: Path, about: Shard, plan: Plan) -> None:
    if about.plan != plan.sha256:
        raise ValueError(f"'{path}' was made from another plan (SHA-256 {about.plan[:12]}).")
    if about.code != code_sha256():
        at = f", commit {about.commit[:12]}" if about.commit else ""
        here = f", commit {commit()[:12]}" if commit() else ""
        raise ValueError(
            f"'{path}' was made by other code (SHA-256 {about.code[:12]}{at}) than is here "
            f"({code_sha256()[:12]}{here}): its rows do not mix with those of this one."
        )


def _take_tuned(
    path: Path, name: str, content: bytes, plan: Plan, rows: Sequence[Row], state: State
) -> None:
    """Keep what a search chose; two machines that chose the same settings agree.

    Their means differ in the last digits, and so do the times that they took.
    """
    known = {state.tuned(row).name: (row, state.tuned(row)) for row in plan.rows if row.search}
    row, target = known.get(name.removeprefix("tuned/"), (None, path))
    if row is None:
        raise ValueError(f"'{path}' holds '{name}', which is of no search of this plan.")
    if row not in rows:
        return
    if not target.is_file():
        with atomic_path(target) as temporary:
            temporary.write_bytes(content)
    elif _choice(target.read_bytes()) != _choice(content):
        raise ValueError(
            f"'{path}' holds another choice of the search '{target.name}' than is here. Take the "
            f"row from one machine: `--without {row.name}` leaves it out of a shard."
        )


def _choice(tuned: bytes) -> dict[str, Any]:
    """What a search chose: the method, the preset and the settings."""
    content = tomllib.loads(tuned.decode())
    return {name: content.get(name) for name in ("entry", "preset", "parameters")}


def _opened(path: Path, task: Task, packed: bytes, plan: Plan, state: State) -> dict[str, Any]:
    """The content of a batch, after checking that each file is what its place says."""
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
            raise ValueError(f"'{path}': '{name}' is no file of the batch '{task.name}'.")
        content_of = text.encode()
        request = (
            parse(content_of, RunRecord, name).request
            if file == RECORD
            else parse(content_of, ScoreFile, name).request
        )
        if (request.clip, request.edit, request.seed) != places[folder]:
            raise ValueError(f"'{path}': '{name}' is of another pair.")
    records = [name for name in content["files"] if name.endswith(f"/{RECORD}")]
    if len(records) != len(places) or not done.key:
        raise ValueError(f"'{path}': '{task.name}' has {len(records)} of {len(places)} records.")
    return content


def _take(task: Task, content: dict[str, Any], plan: Plan, state: State) -> bool:
    """Write the files of a batch; whether the same one was there already.

    Raises:
        ValueError: Another one was.
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
                f"'{task.name}' is here already with other videos or scores: two machines made it. "
                "Keep one: unpack the other into another folder."
            )
        return True
    for name, text in content["files"].items():
        _write_bytes(state.results / name, text.encode())
    _take_method(state.results / task.row.label / METHOD, content["method"])
    _write_bytes(state.marker(task), content["done"].encode())
    return False


def _take_method(path: Path, text: str) -> None:
    """Join what two machines say of a method: each knows the datasets that it worked on."""
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
    """Write videos and tracks of batches that are here, and previews."""
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
