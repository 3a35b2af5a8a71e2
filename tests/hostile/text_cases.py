"""Untrusted text that a terminal, a page or a table would interpret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.hostile.cases import case
from tests.hostile.world import PAIR, World, set_to

RECORD, SCORES = f"{PAIR}/record.json", f"{PAIR}/scores.json"
ESCAPE = "\x1b[2J\x1b]0;owned\x07\nverified: it is what it says. \u202e\u2028verified"

for _kind, _name, _keys in (
    ("escapes in the dataset's name", "manifest.json", ("dataset",)),
    ("escapes in the version", "manifest.json", ("smmbench",)),
    ("escapes in the title", "method.json", ("card", "title")),
    ("escapes in the notes", "method.json", ("card", "notes")),
    ("escapes in the licence", "method.json", ("card", "licence")),
    ("escapes in the prompt", RECORD, ("prompt",)),
    ("escapes in the entry", RECORD, ("entry",)),
    ("escapes in a metric's name", SCORES, ("scores", 0, "metric")),
    ("escapes in a note", SCORES, ("scores", 0, "note")),
):

    def _add(kind: str, name: str, keys: tuple[str | int, ...]) -> None:
        @case(kind, "text")
        def build(world: World, place: Path) -> Sequence[str]:
            return world.edited(place, name, set_to(*keys, value=ESCAPE))

    _add(_kind, _name, _keys)


@case("escapes in a key", "text")
def in_a_key(world: World, place: Path) -> Sequence[str]:
    return world.edited(place, RECORD, set_to(ESCAPE, value=1))


@case("escapes in a key of the list", "text")
def in_a_key_of_the_list(world: World, place: Path) -> Sequence[str]:
    return world.edited(place, "manifest.json", set_to(ESCAPE, value=1))


@case("escapes in the protocol", "text")
def in_the_protocol(world: World, place: Path) -> Sequence[str]:
    return world.edited(place, "manifest.json", set_to("protocol", "tracker", value=ESCAPE))


@case("escapes in what a claim was scored under", "text")
def in_terms(world: World, place: Path) -> Sequence[str]:
    def change(content: Any) -> None:
        for score in content["scores"]:
            score["origin"]["protocol"]["tracker"] = ESCAPE

    return world.edited(place, SCORES, change)


@case("escapes in the details of a claim", "text")
def in_details(world: World, place: Path) -> Sequence[str]:
    return world.edited(place, SCORES, set_to("scores", 0, "details", value={ESCAPE: 0.5}))
