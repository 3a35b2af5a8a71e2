"""Ledgers with untrusted content: entries, notices, the chain, and boards to be added."""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.hostile.cases import case
from tests.hostile.command_cases import DEEP, results
from tests.hostile.text_cases import ESCAPE
from tests.hostile.world import LABEL, PAIR, World

NAME = "2026-01-01-evil"
Change = Callable[[dict[str, Any]], object]


@cache
def _board(root: str, manifest: str) -> str:
    from smmbench_leaderboard.board.build import make_board
    from smmbench_leaderboard.formats import to_json

    return to_json(make_board(Path(root), manifest))


def board(world: World) -> dict[str, Any]:
    """The board of the honest results."""
    found: dict[str, Any] = json.loads(_board(str(world.results), str(world.manifest)))
    return found


def ledger(place: Path, files: dict[str, bytes]) -> Path:
    """A ledger of these files."""
    folder = place / "ledger"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def beside(world: World, place: Path, change: Change) -> list[str]:
    """Show the honest results beside an entry whose board was changed."""
    from smmbench_leaderboard.ledger.packing import pack_board

    content = board(world)
    change(content)
    folder = ledger(place, {f"toys/{NAME}.board.xz": pack_board(content)})
    return [*results(world, place, "leaderboard", lambda _: None), "--ledger", str(folder)]


def _entry(kind: str, content: Callable[[], bytes]) -> None:
    for verb, code in (("list", 2), ("check", 1)):

        @case(f"ledger {verb}: {kind}", "ledger", code=code)
        def build(world: World, place: Path, verb: str = verb) -> Sequence[str]:
            folder = ledger(place, {f"toys/{NAME}.board.xz": content()})
            return "ledger", verb, "--ledger", str(folder)


def _text(text: bytes, rest: bytes = b"") -> bytes:
    return lzma.compress(len(text).to_bytes(8) + text + rest)


for _kind, _content in {
    "entry that is a bomb": lambda: lzma.compress(bytes(900_000_000), preset=1),
    "entry of empty lists": lambda: _text(b"[" + b"[]," * 8_000_000 + b"[]]"),
    "entry that is deep": lambda: _text(DEEP),
    "entry that is no board": lambda: _text(b'{"board":[],"names":1,"facts":{},"derived":0}'),
    "entry with a count that lies": lambda: lzma.compress(b"\xff" * 8 + b"{}"),
}.items():
    _entry(_kind, _content)


def _beside(kind: str, change: Change, *says: str, code: int | None = 0) -> None:
    @case(f"leaderboard --ledger: {kind}", "ledger", *says, code=code)
    def build(world: World, place: Path) -> Sequence[str]:
        return beside(world, place, change)


def _row(content: dict[str, Any], **facts: Any) -> None:
    content["rows"][0] |= facts


_beside("escapes in a label", lambda content: _row(content, label=ESCAPE))
_beside("escapes in a note", lambda content: content.update(notes=[ESCAPE]))
_beside("label like one of one's own", lambda content: _row(content, label=LABEL))
_beside(
    "value beyond the metric's range",
    lambda content: content["rows"][0]["pairs"][0]["values"].update(motion_fidelity=1e300),
    "beyond",
)
_beside(
    "values that a pair lacks",
    lambda content: content["rows"][0]["pairs"][0]["values"].clear(),
)
_beside(
    "pair twice", lambda content: content["rows"][0]["pairs"].append(content["rows"][0]["pairs"][0])
)


@case("ledger list: escapes in a reason", "ledger", code=0)
def escapes_in_a_reason(world: World, place: Path) -> Sequence[str]:
    from smmbench_leaderboard.ledger.packing import pack_board

    entry = f"toys/{NAME}.board.xz"
    notice = {"of": entry, "reason": ESCAPE, "by": ESCAPE}
    files = {entry: pack_board(board(world)), f"toys/{NAME}.withdrawal.json": _json(notice)}
    return "ledger", "list", "--ledger", str(ledger(place, files))


@case("ledger check: deep notice", "ledger")
def deep_notice(world: World, place: Path) -> Sequence[str]:
    return "ledger", "check", "--ledger", str(ledger(place, {f"toys/{NAME}.tier.json": DEEP}))


@case("ledger check: chain that leads away", "ledger")
def chain_that_leads_away(world: World, place: Path) -> Sequence[str]:
    line = f"{'0' * 64}  {'0' * 64}  ../../../../../etc/passwd\n".encode()
    return "ledger", "check", "--ledger", str(ledger(place, {"chain.txt": line}))


@case("ledger check: chain in no code", "ledger", code=2)
def chain_in_no_code(world: World, place: Path) -> Sequence[str]:
    return "ledger", "check", "--ledger", str(ledger(place, {"chain.txt": b"\xff\xfe\x00" * 9}))


def _added(kind: str, content: Callable[[World], bytes], code: int = 1) -> None:
    @case(f"ledger add: {kind}", "ledger", code=code)
    def build(world: World, place: Path) -> Sequence[str]:
        (place / "board.json").write_bytes(content(world))
        return _add(place)


def _add(place: Path) -> tuple[str, ...]:
    from datetime import date

    name = f"{date.today().isoformat()}-evil"
    folder = str(place / "ledger")
    return "ledger", "add", str(place / "board.json"), "--name", name, "--ledger", folder


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


_added("dataset that climbs", lambda world: _json(board(world) | {"dataset": "../../evil"}), 2)
_added("deep board", lambda world: DEEP, 2)
_added("board of empty lists", lambda world: b'{"a":[' + b"[]," * 9_000_000 + b"[]]}", 2)
_added(
    "rows by the thousand",
    lambda world: _json(board(world) | {"rows": board(world)["rows"] * 300}),
    2,
)
_added("rows that are none", lambda world: _json(board(world) | {"rows": [1, None]}), 2)
_added("report that was refused", lambda world: _json({"verdict": "refused", "board": {}}), 2)


@case("ledger add: board is a pipe", "ledger", code=2)
def board_is_a_pipe(world: World, place: Path) -> Sequence[str]:
    os.mkfifo(place / "board.json")
    return _add(place)


@case("leaderboard: link that leads to itself", "files", code=None)
def loop_of_links(world: World, place: Path) -> Sequence[str]:
    def change(root: Path) -> None:
        (root / LABEL / "toys" / "loop").symlink_to(root)

    return results(world, place, "leaderboard", change)


@case("leaderboard: escapes in a folder's name", "files", code=None)
def escapes_in_a_folder(world: World, place: Path) -> Sequence[str]:
    def change(root: Path) -> None:
        folder = root / "evil\x1b[2J\nverified" / "toys/a/dog/seed-0"
        folder.mkdir(parents=True)
        (folder / "record.json").write_text("{}")

    return results(world, place, "leaderboard", change)


@case("why: pair that climbs", "files", code=2)
def pair_that_climbs(world: World, place: Path) -> Sequence[str]:
    command = results(world, place, "why", lambda _: None)
    return [*command[:3], "../../../etc/0", *command[3:]]


@case("name with the Kelvin sign", "archive")
def kelvin_sign(world: World, place: Path) -> Sequence[str]:
    """A name that only Unicode's folding takes for another: K with the Kelvin sign."""

    def change(tree: dict[str, bytes]) -> None:
        tree[f"{PAIR}/\N{KELVIN SIGN}.json"] = b"{}"

    return world.verify(world.forge(place, change))
