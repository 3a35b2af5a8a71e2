"""Faults of a manifest, one sentence each, phrased for its author."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from smmbench.dataset.manifest import NAME_PATTERN
from smmbench.plugins import did_you_mean

Place = Sequence[int | str]


class ManifestError(ValueError):
    """Error for a manifest that cannot be used.

    Attributes:
        file: The manifest.
        faults: One sentence each, with its place.
    """

    def __init__(self, file: str, faults: Sequence[str]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return a sentence for each validation error: place, fault, and the value received."""
    found = error.errors()
    faulty = {
        tuple(fault["loc"][:length]) for fault in found for length in range(1, len(fault["loc"]))
    }
    return [  # a list whose parts are all faulty is not "too short" besides
        _sentence(fault, model)
        for fault in found
        if not (fault["type"] == "too_short" and tuple(fault["loc"]) in faulty)
    ]


def place_name(place: Place) -> str:
    """Write a place as one would in code: `clips[3].edits[0].prompt`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the file"


def _sentence(fault: ErrorDetails, model: type[BaseModel]) -> str:
    place, kind, came = fault["loc"], fault["type"], fault["input"]
    where = place_name(place)
    if kind == "extra_forbidden":
        return f"{where}: unknown key.{_meant(str(place[-1]), _keys_at(model, place[:-1]))}"
    if kind == "missing":
        return f"{where}: missing."
    message = fault["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[:1].lower() + message[1:]
    pattern = fault.get("ctx", {}).get("pattern")
    if pattern == NAME_PATTERN:
        message = "a name is of a-z, 0-9, '.', '_', '-', begins with a letter or digit, at most 64"
    elif pattern:
        message = "must be 64 hexadecimal digits in lower case"
    if isinstance(came, dict | list | tuple | BaseModel):  # too long to show
        return f"{where}: {message}."
    return f"{where}: {message}; got {_short(came)}."


def _meant(name: str, known: Sequence[str]) -> str:
    return did_you_mean(name, known) or f" Known here: {', '.join(known)}."


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that the model knows at a place; a list index leads into its items."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models inside `tuple[Clip, ...]`, `File | None` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
