"""The commands that are disturbed: what each works on, what it leaves, and what is right then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.hostile.world import LABEL, World

METHOD = """
import time
from dataclasses import dataclass
from typing import Annotated
from smmbench.method import Card, Method
from smmbench.search import Range

@dataclass(frozen=True)
class Shifted:
    pixels: int = 1

class Toy(Method):
    Parameters = Shifted
    card = Card("Toy")
    search = {"pixels": Range(1, 8)}

    def prepare(self, source):
        return source.video

    def transfer(self, prepared, prompt, seed):
        from smmbench.video import Video
        time.sleep(0.02)
        return Video(prepared.frames[:, :, ::-1].copy(), prepared.fps)
"""


@dataclass(frozen=True)
class Command:
    """A command and its folder.

    Attributes:
        name: Its verb.
        prepare: Writes what it works on into a folder.
        words: Its arguments, by that folder.
        again: The arguments of the command after a disturbed one; by default the same.
    """

    name: str
    prepare: Callable[[Path], None]
    words: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]] | None = None

    def next(self, place: Path) -> list[str]:
        """What a user calls after this command was disturbed."""
        return (self.again or self.words)(place)


def commands(world: World) -> list[Command]:
    """Every command that is disturbed, on the honest world."""
    toys = ["--dataset", str(world.manifest)]
    cpu = ["--device", "cpu"]
    method = world.folder / "toy_method.py"
    method.write_text(METHOD)
    validation = world.manifest.with_name("toys-val.toml")
    text = world.manifest.read_text().replace('name = "toys"', 'name = "toys-val"', 1)
    validation.write_text(text.replace("version = 1\n", 'version = 1\npurpose = "validation"\n', 1))
    own = f"{method}:Toy"
    archive = world.folder / "honest.zip"
    report = world.folder / "board.json"

    def nothing(place: Path) -> None:
        return None

    def unscored(place: Path) -> None:
        shutil.copytree(world.results, place / "results")
        for path in (place / "results").rglob("scores.json"):
            path.unlink()

    def outputs(place: Path) -> None:
        for clip in ("a", "b"):
            (place / "outputs" / clip).mkdir(parents=True)
            source = world.results / LABEL / "toys" / clip / "dog" / "seed-0" / "video.mkv"
            shutil.copy(source, place / "outputs" / clip / "dog.mkv")

    def ledger(place: Path) -> list[str]:
        return ["--ledger", str(place / "ledger")]

    def add(place: Path) -> list[str]:
        return ["ledger", "add", str(report), "--name", f"{date.today()}-mine", *ledger(place)]

    def after(place: Path) -> list[str]:
        done = any((place / "ledger").rglob("*.board.xz"))
        return ["ledger", "list", *ledger(place)] if done else add(place)

    def run(place: Path) -> list[str]:
        root = ["--results", str(place / "results")]
        return ["run", "--method", own, *toys, *cpu, *root, "--label", "toy"]

    def tune(place: Path) -> list[str]:
        on = ["--dataset", str(validation), "--limit", "1", "--output", str(place / "tuning")]
        return ["tune", "--method", own, "--budget", "3", *on, *cpu]

    def bring(place: Path) -> list[str]:
        root = ["--results", str(place / "results"), "--label", "brought", "--seed", "0"]
        return ["import", str(place / "outputs"), *toys, *root]

    return [
        Command("run", nothing, run),
        Command(
            "score",
            unscored,
            lambda place: ["score", str(place / "results"), *toys, *cpu, "--workers", "1"],
        ),
        Command("import", outputs, bring),
        Command("tune", nothing, tune),
        Command("verify", nothing, lambda place: ["verify", str(archive), *toys, *cpu]),
        Command("ledger", nothing, add, after),
    ]


def state(place: Path) -> dict[str, Any]:
    """What a command left: every file by name, records and scores by what they say.

    Raises:
        ValueError: A file is half-written, or a record does not tell of its video.
    """
    return {
        str(path.relative_to(place)): _content(path)
        for path in sorted(place.rglob("*"))
        if path.is_file() and not _apart(path.relative_to(place))
    }


def leftovers(place: Path) -> list[str]:
    """Temporary files and folders that are still there."""
    left = [path for path in place.rglob("*") if path.name.startswith((".tmp-", ".running"))]
    return [str(path.relative_to(place)) for path in (*left, *(place / "tmp").glob("*"))]


def blamed(place: Path) -> list[str]:
    """Pairs that were recorded as failed: no fault of this suite is the method's."""
    return [
        f"{path.parent.relative_to(place)}: {record['failure']['message']}"
        for path, record in _records(place)
        if record["status"] == "failed"
    ]


def _records(place: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(place.rglob("record.json")):
        yield path, json.loads(path.read_text())


def _apart(path: Path) -> bool:
    """Whether a file is a log, a cache, or temporary: these may differ."""
    return path.name == "run.log" or path.parts[0] in ("home", "tmp") or _hidden(path)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _content(path: Path) -> Any:
    if path.name == "record.json":
        return _record(path)
    if path.name == "scores.json":
        content = json.loads(path.read_text())
        return {score["metric"]: score["value"] for score in content["scores"]}
    if path.suffix == ".json":
        json.loads(path.read_text())
    if path.suffix == ".xz":
        from smmbench_leaderboard.ledger.packing import unpack_board

        unpack_board(path.read_bytes())
    return "there"


def _record(path: Path) -> Any:
    from smmbench.video import read_video

    record = json.loads(path.read_text())
    if record["status"] == "done":
        pixels = read_video(path.parent / "video.mkv").pixels_sha256
        if pixels != record["pixels_sha256"]:
            raise ValueError(f"{path} does not tell of its video")
    return record["status"], record["pixels_sha256"]
