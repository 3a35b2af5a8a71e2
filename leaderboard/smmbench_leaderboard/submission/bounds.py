"""Bounds of statements in a submission that cannot be checked: cost, device, names, texts.

Values within the bounds are still only "as stated"; see `STATED`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict

from smmbench.display import plain
from smmbench.display.escaping import hidden
from smmbench.method import Card
from smmbench.results import MethodFile, RunRecord

STATED = (
    "Seconds, memory, device, library versions, weights and the card are as stated by the "
    "submitter; nothing here can check them."
)
KINDS = ("method", "baseline", "control", "imported")
SECONDS, MEMORY, BATCH = 1e8, 2**46, 2**16  # three years, 64 TiB
ENTRIES, NAME, TITLE, TEXT, PARAMETERS = 200, 200, 200, 4000, 100_000  # counts and characters
SEED = 2**63

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENTRY = re.compile(r"[A-Za-z0-9_.:@/-]{0,300}")


def card_faults(card: Card) -> Iterator[str]:
    """List what is out of bounds on a card, as phrases that follow "its method card"."""
    if card.kind not in KINDS:
        yield f"is of the kind '{plain(card.kind, 40)}'; there is: {', '.join(KINDS)}"
    for name, fact in asdict(card).items():
        if not isinstance(fact, str):
            continue
        most = TITLE if name == "title" else TEXT
        if len(fact) > most:
            yield f"has a {name} of {len(fact)} characters, more than {most}"
        elif any(hidden(sign) and sign != "\n" for sign in fact):
            yield f"has signs in its {name} that are not seen"


def method_faults(method: MethodFile) -> Iterator[str]:
    """List what is out of bounds in `method.json`."""
    yield from card_faults(method.card)
    if not _ENTRY.fullmatch(method.entry):
        yield f"has an entry that is no place of code: '{plain(method.entry, 60)}'"
    if len(json.dumps(method.parameters)) > PARAMETERS:
        yield f"has parameters of more than {PARAMETERS} characters"


def record_faults(record: RunRecord) -> Iterator[str]:
    """List what is out of bounds in a record, as phrases that follow the pair's name."""
    seconds = [
        getattr(record, name, 0.0)
        for name in ("prepare_seconds", "transfer_seconds", "kept_seconds", "cached_seconds")
    ]
    seconds += list(getattr(record, "stage_seconds", {}).values())
    if not all(0 <= second <= SECONDS for second in seconds):
        yield "states negative seconds, or more than three years"
    if not 0 <= record.peak_memory_bytes <= MEMORY:
        yield "states negative memory, or more than 64 TiB"
    if record.batch > BATCH:
        yield f"states a batch of more than {BATCH} pairs"
    if abs(record.request.seed) >= SEED:
        yield "has a seed of more than 64 bits"
    if not _ENTRY.fullmatch(record.entry):
        yield f"has an entry that is no place of code: '{plain(record.entry, 60)}'"
    hashes = (record.source_sha256, record.parameters_sha256, *record.weights.values())
    if not all(_SHA256.fullmatch(one) for one in hashes):
        yield "has something else than a SHA-256 where one belongs"
    if bool(_SHA256.fullmatch(record.pixels_sha256)) != (record.status == "done"):
        yield "does not have the hash of its pixels, or has one without a video"
    environment = record.environment
    names = (
        *(environment.device, environment.python),
        *environment.packages,
        *environment.packages.values(),
        *record.weights,
    )
    if max(len(environment.packages), len(record.weights)) > ENTRIES:
        yield f"names more than {ENTRIES} packages or weights"
    elif any(len(name) > NAME or any(map(hidden, name)) for name in names):
        yield "has a device, package or weights of a name that is too long or not seen"
    if len(json.dumps(record.parameters)) > PARAMETERS:
        yield f"has parameters of more than {PARAMETERS} characters"
