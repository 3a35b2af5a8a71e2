"""JSON that an enemy wrote: depth, size, doubles, numbers out of all bounds, wrong types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.hostile.cases import case
from tests.hostile.world import AGAIN, OTHER, PAIR, World, listed, packed, set_to

RECORD, SCORES = f"{PAIR}/record.json", f"{PAIR}/scores.json"

# (kind, file, keys, value): one field is replaced.
FIELDS: tuple[tuple[str, str, tuple[str | int, ...], Any], ...] = (
    ("negative seconds", RECORD, ("transfer_seconds",), -1e9),
    ("seconds of all time", RECORD, ("transfer_seconds",), 1e300),
    ("memory of 400 digits", RECORD, ("peak_memory_bytes",), int("9" * 400)),
    ("negative memory", RECORD, ("peak_memory_bytes",), -1),
    ("endless batch", RECORD, ("batch",), 10**18),
    ("schema 99", RECORD, ("schema_version",), 99),
    ("schema is false", RECORD, ("schema_version",), False),
    ("schema 99 of the list", "manifest.json", ("schema_version",), 99),
    ("seed is false", RECORD, ("request", "seed"), False),
    ("seed is text", RECORD, ("request", "seed"), "0"),
    ("seconds are text", RECORD, ("transfer_seconds",), "1.0"),
    ("unknown field", RECORD, ("evil",), 1),
    ("hash is no hash", RECORD, ("pixels_sha256",), "x" * 64),
    ("weights are no hashes", RECORD, ("weights",), {"w": "not a hash"}),
    ("title of a megabyte", "method.json", ("card", "title"), "x" * 1_000_000),
    ("notes of a megabyte", "method.json", ("card", "notes"), "x" * 1_000_000),
    ("kind that there is not", "method.json", ("card", "kind"), "king"),
    ("card is a list", "method.json", ("card",), [1, 2]),
    ("100,000 packages", RECORD, ("environment", "packages"), {f"p{i}": "1" for i in range(10**5)}),
    ("device of a megabyte", RECORD, ("environment", "device"), "x" * 1_000_000),
    ("parameters of a megabyte", RECORD, ("parameters",), {"x": "y" * 1_000_000}),
    ("failure that there is not", RECORD, ("failure",), {"kind": "boredom"}),
    ("done and failed", RECORD, ("failure",), {"kind": "nan", "message": "M", "stage": "transfer"}),
    ("counts of negative pairs", "manifest.json", ("missing",), -1),
    ("expects more digits than there are", "manifest.json", ("expected",), int("9" * 400)),
    ("value out of range", SCORES, ("scores", 0, "value"), 17.0),
    ("value is text", SCORES, ("scores", 0, "value"), "0.9"),
    (
        "details by the thousand",
        SCORES,
        ("scores", 0, "details"),
        {f"d{i}": 0.5 for i in range(5000)},
    ),
)


def _field(kind: str, name: str, keys: tuple[str | int, ...], value: Any) -> None:
    @case(kind, "json")
    def build(world: World, place: Path) -> Sequence[str]:
        return world.edited(place, name, set_to(*keys, value=value))


for _kind, _name, _keys, _value in FIELDS:
    _field(_kind, _name, _keys, _value)


def _content(kind: str, name: str, content: bytes) -> None:
    @case(kind, "json")
    def build(world: World, place: Path) -> Sequence[str]:
        return world.replaced(place, name, content)


_DEEP = b"[" * 200_000
_NESTED = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
for _kind, _name, _text in (
    ("deep record", RECORD, _DEEP),
    ("deep list", "manifest.json", _NESTED),
    ("deep card", "method.json", _NESTED),
    ("deep scores", SCORES, _DEEP),
    ("record is empty", RECORD, b""),
    ("record is a number", RECORD, b"1"),
    ("record of no encoding", RECORD, b'{"status": "\xff\xfe"}'),
    ("record of UTF-16", RECORD, json.dumps({"status": "done"}).encode("utf-16")),
    (
        "half a surrogate",
        "method.json",
        b'{"label": "\\ud800", "entry": "x:Y", "card": {"title": "\\udc00"}}',
    ),
    ("not a number at all", SCORES, b'{"scores": [{"value": NaN}]}'),
    ("number beyond all", RECORD, b'{"transfer_seconds": 1e999}'),
    ("number of a million digits", RECORD, b'{"seed": ' + b"9" * 1_000_000 + b"}"),
):
    _content(_kind, _name, _text)


@case("key twice", "json")
def key_twice(world: World, place: Path) -> Sequence[str]:
    text = world.tree[RECORD].replace(b'"prompt": "a dog"', b'"prompt": "a cat", "prompt": "a dog"')
    assert text != world.tree[RECORD]
    return world.replaced(place, RECORD, text)


@case("key twice in the list", "json")
def list_key_twice(world: World, place: Path) -> Sequence[str]:
    text = listed(world.tree).replace(b'{"', b'{"done": 400, "', 1)
    return world.replaced(place, "manifest.json", text)


@case("infinity in parameters", "json")
def infinity(world: World, place: Path) -> Sequence[str]:
    text = world.tree[RECORD].replace(b'"steps": 3', b'"steps": -Infinity')
    assert text != world.tree[RECORD]
    return world.replaced(place, RECORD, text)


def large(text: bytes, seed: int) -> bytes:
    """A sound record of some 16 MiB: its parameters are long lists."""
    record = json.loads(text)
    record["request"]["seed"] = seed
    record["parameters"] = {"x": "HERE"}
    return json.dumps(record).encode().replace(b'"HERE"', b"[" + b"[0]," * 3_900_000 + b"0]")


@case("record of 16 MiB", "json")
def large_record(world: World, place: Path) -> Sequence[str]:
    return world.replaced(place, RECORD, large(world.tree[RECORD], 0))


@case("14 large records", "json")
def large_records(world: World, place: Path) -> Sequence[str]:
    tree = dict(world.tree)
    for i in range(14):
        tree[f"pairs/a/dog/seed-{i}/record.json"] = large(world.tree[RECORD], i)
    tree["manifest.json"] = listed(tree)
    return world.verify(packed(place / "submission.zip", tree, compress=True))


@case("quadratic list", "json")
def quadratic_list(world: World, place: Path) -> Sequence[str]:
    manifest = json.loads(listed(world.tree))
    manifest["files"] += [{"path": f"p{i}", "sha256": "0" * 64, "size": 0} for i in range(140_000)]
    text = json.dumps(manifest, separators=(",", ":")).encode()
    return world.replaced(place, "manifest.json", text)


@case("long list with a double", "json")
def long_list(world: World, place: Path) -> Sequence[str]:
    manifest = json.loads(listed(world.tree))
    manifest["files"] += [{"path": f"p{i}", "sha256": "0" * 64, "size": 0} for i in range(60_000)]
    manifest["files"] += manifest["files"][-1:]
    text = json.dumps(manifest, separators=(",", ":")).encode()
    return world.replaced(place, "manifest.json", text)


@case("flood of claims", "json")
def flood_of_claims(world: World, place: Path) -> Sequence[str]:
    scores = json.loads(world.tree[SCORES])
    scores["scores"] = scores["scores"][:1] * 20_000
    return world.replaced(place, SCORES, json.dumps(scores).encode()[: 16 << 20])


@case("flood of metrics that nobody knows", "json")
def flood_of_metrics(world: World, place: Path) -> Sequence[str]:
    def change(content: Any) -> None:
        one = content["scores"][0]
        content["scores"] += [one | {"metric": f"m{i}"} for i in range(3000)]

    return world.edited(place, SCORES, change)


@case("many sound pairs of no clip", "json")
def pairs_of_no_clip(world: World, place: Path) -> Sequence[str]:
    tree = dict(world.tree)
    for i in range(3000):
        record = json.loads(tree[RECORD])
        record["request"] |= {"clip": f"c{i}"}
        tree[f"pairs/c{i}/dog/seed-0/record.json"] = json.dumps(record).encode()
    tree["manifest.json"] = listed(tree)
    return world.verify(packed(place / "submission.zip", tree, compress=True))


@case("scores of another video", "json")
def scores_of_another(world: World, place: Path) -> Sequence[str]:
    return world.replaced(place, SCORES, world.tree[f"{OTHER}/scores.json"])


@case("record of another pair", "json")
def record_of_another(world: World, place: Path) -> Sequence[str]:
    return world.replaced(place, RECORD, world.tree[f"{AGAIN}/record.json"])


@case("more scores of one metric", "json")
def one_metric_twice(world: World, place: Path) -> Sequence[str]:
    def change(content: Any) -> None:
        content["scores"].append(content["scores"][0] | {"value": 0.999})

    return world.edited(place, SCORES, change)
