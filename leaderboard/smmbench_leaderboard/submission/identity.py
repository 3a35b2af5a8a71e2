"""Check that a submission is of the stated method: label, code, kind, parameters, card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smmbench.importing.importer import ENTRY
from smmbench.method import Card
from smmbench.plugins import offered
from smmbench.results import MethodFile, RunRecord

METHODS, CARDS, RECIPES = "smmbench.methods", "smmbench.cards", "smmbench.recipes"
CONTROLS = (
    *("source-copy", "vae-round-trip", "frozen", "reversed", "shuffled", "other-clip", "noise"),
)
"""Bundled controls with known scores, the only methods that may return the source."""

REQUIRED: Mapping[str, str] = {
    "title": "a title in words",
    "licence": "the licence of the code or of the outputs",
    "authors": "who wrote the method",
    "contact": "whom to ask about these results",
    "seen": "what the method saw of the clips before, in training or in tuning; 'none' if nothing",
}
"""What a card must state; also, `paper` or `code` must be an address or a reference."""


def card_lacks(card: Card) -> list[str]:
    """List what the card of a submission must state and does not."""
    lacking = [
        f"{name} ({what})"
        for name, what in REQUIRED.items()
        if not str(getattr(card, name, "")).strip()
    ]
    if not (card.paper.strip() or card.code.strip()):
        lacking.append("paper or code (a reference or an address)")
    return lacking


def reserved_entry(label: str) -> str | None:
    """Return the code of a bundled label, empty if only imported; None if the label is free."""
    name = label.casefold()
    if name in offered(METHODS):
        return offered(METHODS)[name].value
    return "" if name in offered(CARDS) else None


def identity_problems(
    method: MethodFile, records: Mapping[Any, RunRecord], dataset: str
) -> Iterator[str]:
    """List inconsistencies of label, code, kind and parameters, one sentence each.

    Args:
        method: Content of `method.json`.
        records: All records, under any keys.
        dataset: Name of the dataset.
    """
    reserved = reserved_entry(method.label)
    if reserved is not None and method.entry != reserved:
        yield (
            f"The label '{method.label}' is that of a bundled method, and this is other code; "
            "submit it under a label of its own: `smmbench run --label NAME`."
        )
    if method.card.kind == "control":
        entries = {offered(METHODS)[name].value for name in CONTROLS if name in offered(METHODS)}
        if method.entry not in entries:
            yield "Only bundled controls are controls; this is other code."
    if lacking := card_lacks(method.card):
        yield (
            f"Its method card does not say {'; '.join(lacking)}. `smmbench submit` takes what is "
            "missing as options."
        )
    stated = method.parameters.get(dataset, {})
    for record in records.values():
        if record.entry != ENTRY and _other(record.parameters, stated):
            yield (
                f"Its method card states other parameters for '{dataset}' than its records: they "
                f"differ in {', '.join(_differing(record.parameters, stated))}."
            )
            return


def _other(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))[
        :5
    ]
