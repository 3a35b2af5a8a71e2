"""Submissions that say they are what they are not; and the honest ones that must pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.hostile.cases import case
from tests.hostile.world import LABEL, PAIR, Tree, World, set_to

RECORD, SCORES = f"{PAIR}/record.json", f"{PAIR}/scores.json"


@case("honest", "honest", "verified", code=0)
def honest(world: World, place: Path) -> Sequence[str]:
    return world.verify(world.folder / "honest.zip")


@case("honest without claims", "honest", "verified", code=0)
def no_claims(world: World, place: Path) -> Sequence[str]:
    def change(tree: Tree) -> None:
        for name in [name for name in tree if name.endswith("scores.json")]:
            del tree[name]

    return world.verify(world.forge(place, change))


@case("honest under another OpenCV", "honest", "OpenCV", "opencv", code=0)
def other_opencv(world: World, place: Path) -> Sequence[str]:
    """Scores as another version of OpenCV would have given them, and says so."""

    def change(tree: Tree) -> None:
        for name in [name for name in tree if name.endswith("scores.json")]:
            tree[name] = scored_by(tree[name], "2.4.13", 0.004)

    return world.verify(world.forge(place, change))


def scored_by(text: bytes, opencv: str, shift: float) -> bytes:
    from smmbench.storage.array_cache import origin_key

    content = json.loads(text)
    for score in content["scores"]:
        if "opencv" in (score["origin"].get("tracker") or {}):
            score["origin"]["tracker"]["opencv"] = opencv
            score["key"] = origin_key(score["origin"])
            score["value"] += shift
    return json.dumps(content).encode()


def everywhere(world: World, place: Path, change: Callable[[Any], None]) -> tuple[str, ...]:
    """Verify a submission in which all records were changed."""

    def apply(tree: Tree) -> None:
        for name in [name for name in tree if name.endswith("record.json")]:
            record = json.loads(tree[name])
            change(record)
            tree[name] = json.dumps(record).encode()

    return world.verify(world.forge(place, apply))


def renamed(world: World, place: Path, label: str) -> tuple[str, ...]:
    """Verify a submission under another label, consistently."""

    def change(tree: Tree) -> None:
        for name in [name for name in tree if name.endswith(".json")]:
            tree[name] = tree[name].replace(json.dumps(LABEL).encode(), json.dumps(label).encode())

    return world.verify(world.forge(place, change))


for _kind, _label in {
    "label of a bundled method": "smm",
    "label of a control": "source-copy",
    "label climbs": "../../x",
    "label in capitals of a bundled method": "SMM",
    "label with a terminal escape": "x\x1b[31m",
    "label as long as a page": "x" * 5000,
}.items():

    def _add(kind: str, label: str) -> None:
        @case(kind, "identity")
        def build(world: World, place: Path) -> Sequence[str]:
            return renamed(world, place, label)

    _add(_kind, _label)


def _edited(kind: str, name: str, keys: tuple[str | int, ...], value: Any, *says: str) -> None:
    @case(kind, "identity", *says)
    def build(world: World, place: Path) -> Sequence[str]:
        return world.edited(place, name, set_to(*keys, value=value))


for _kind, _name, _keys, _value in (
    ("control by a stranger", "method.json", ("card", "kind"), "control"),
    ("card of another label", "method.json", ("label",), "other"),
    ("card of other code", "method.json", ("entry",), "other:Code"),
    ("code is a command", "method.json", ("entry",), "$(rm -rf ~)"),
    ("parameters of the card are others", "method.json", ("parameters", "toys", "steps"), 500),
    ("parameters are not those of their hash", RECORD, ("parameters", "steps"), 4),
    ("imported in disguise", RECORD, ("entry",), "smmbench.importing:import_outputs"),
    ("another prompt", RECORD, ("prompt",), "a cat"),
    ("another source", RECORD, ("source_sha256",), "f" * 64),
    ("another dataset version", "manifest.json", ("dataset_version",), 2),
    ("different manifest", "manifest.json", ("dataset_sha256",), "f" * 64),
    ("another protocol", "manifest.json", ("protocol", "grid"), 2),
    ("more pairs than there are", "manifest.json", ("done",), 400),
    ("dataset is a path", "manifest.json", ("dataset",), "/etc/passwd"),
    ("no licence", "method.json", ("card", "licence"), ""),
    ("no title", "method.json", ("card", "title"), " "),
    ("metric version of the future", SCORES, ("scores", 0, "version"), 999),
    ("metric version zero", SCORES, ("scores", 0, "version"), 0),
    ("claim of other pixels", SCORES, ("scores", 0, "origin", "output"), "f" * 64),
    ("claim with a forged key", SCORES, ("scores", 0, "key"), "f" * 64),
    ("claim of another prompt", SCORES, ("scores", 0, "origin", "prompt"), "a cat"),
    ("file of scores for other pixels", SCORES, ("pixels_sha256",), "f" * 64),
):
    _edited(_kind, _name, _keys, _value)


@case("claims that are too good", "identity", "differs")
def too_good(world: World, place: Path) -> Sequence[str]:
    def change(content: Any) -> None:
        for score in content["scores"]:
            score["value"] = 0.999

    return world.edited(place, SCORES, change)


@case("claims choose a model to load", "identity")
def chosen_model(world: World, place: Path) -> Sequence[str]:
    def change(content: Any) -> None:
        one = content["scores"][0]
        content["scores"] += [
            one | {"metric": name, "value": 0.9}
            for name in ("pickscore", "dino_consistency", "end_point_error")
        ]

    return world.edited(place, SCORES, change)


@case("other parameters for some pairs", "identity")
def mixed_parameters(world: World, place: Path) -> Sequence[str]:
    from smmbench.results import parameters_sha256

    def change(record: Any) -> None:
        record["parameters"] = {"steps": 900}
        record["parameters_sha256"] = parameters_sha256(record["entry"], {"steps": 900}, {})

    return world.edited(place, RECORD, change)


@case("all records of other parameters than the card", "identity")
def other_parameters(world: World, place: Path) -> Sequence[str]:
    from smmbench.results import parameters_sha256

    def change(record: Any) -> None:
        record["parameters"] = {"steps": 900}
        record["parameters_sha256"] = parameters_sha256(record["entry"], {"steps": 900}, {})

    return everywhere(world, place, change)


@case("hidden missing pairs", "identity")
def hidden_missing(world: World, place: Path) -> Sequence[str]:
    def change(tree: Tree) -> None:
        for name in [name for name in tree if name.startswith("pairs/b/")]:
            del tree[name]

    return world.verify(world.forge(place, change))
