"""Checks of a class's declarations; no method is run."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from smmbench.conformance.findings import Verdict, broken, kept, warning
from smmbench.method import Card, Method
from smmbench.method.parameters import (
    build_parameters,
    parameters_from_json,
    parameters_to_json,
    type_in_words,
)
from smmbench.tuning.space import checked_space

KINDS = ("method", "baseline", "control", "imported")


def is_method(found: Any) -> Verdict:
    """It is a subclass of `Method` that defines what it must."""
    if not (isinstance(found, type) and issubclass(found, Method)):
        return broken(
            f"it is {found!r}, not a subclass of smmbench.method.Method.",
            "Write `class MyMethod(Method[Parameters, ...])` and name that class.",
        )
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        return broken(
            f"it does not define {', '.join(missing)}().",
            "Define them: `prepare(self, source)` and `transfer(self, prepared, prompt, seed)`.",
        )
    return kept("a subclass of Method with prepare and transfer.")


def parameters(method: type[Method[Any, Any]]) -> Verdict:
    """`Parameters` is a frozen dataclass; every field has a type and a default of that type."""
    advice = "Write `@dataclass(frozen=True) class Parameters:` with `name: type = default` lines."
    found = getattr(method, "Parameters", None)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        return broken(f"Parameters is {found!r}, not a dataclass.", advice)
    if not getattr(found, "__dataclass_params__").frozen:  # noqa: B009 (mypy knows it not)
        return broken("Parameters is a dataclass that is not frozen.", advice)
    needed = [field.name for field in dataclasses.fields(found) if _required(field)]
    if needed:
        return broken(f"without a default: {', '.join(needed)}.", advice)
    try:
        types, default = get_type_hints(found), found()
    except Exception as error:
        return broken(f"Parameters() raises {type(error).__name__}: {error}", advice)
    for field in dataclasses.fields(found):
        annotation, value = types[field.name], getattr(default, field.name)
        try:
            TypeAdapter(annotation).validate_python(value)
        except ValidationError:
            return broken(
                f"the default of '{field.name}' is {value!r}, which is not "
                f"{type_in_words(annotation)}.",
                "Give the field the type that its values have.",
            )
    if parameters_from_json(method, parameters_to_json(default)) != default:
        return broken(
            "they change when written to JSON and read back.",
            "Use numbers, text, booleans, None and tuples of them, because records store JSON.",
        )
    return kept(f"a frozen dataclass of {len(types)} fields with types and defaults.")


def presets(method: type[Method[Any, Any]]) -> Verdict:
    """Every preset, and the search space, is valid for the parameters."""
    for name in method.presets:
        try:
            build_parameters(method, name)
        except (ValueError, LookupError) as error:
            return broken(str(error), f"Correct presets['{name}'] or the parameters.")
    try:
        space = checked_space(method)
    except (ValueError, LookupError) as error:
        return broken(str(error), "Correct `search` or the parameters.")
    presets, tuned = len(method.presets), len(space)
    return kept(
        f"{presets} preset{'s' * (presets != 1)}, "
        f"{tuned} parameter{'s' * (tuned != 1)} that `tune` may change."
    )


def card(method: type[Method[Any, Any]]) -> Verdict:
    """The card states title, kind and licence, and the origin of the method."""
    found = getattr(method, "card", None)
    if not isinstance(found, Card):
        return broken(
            f"card is {found!r}.", 'Write `card = Card(title="...", kind="method", licence="MIT")`.'
        )
    if found.kind not in KINDS:
        return broken(f"its kind is '{found.kind}'.", f"Kinds are {', '.join(KINDS)}.")
    lacking = [name for name in ("title", "licence") if not getattr(found, name).strip()]
    if lacking:
        return broken(
            f"it has no {' and no '.join(lacking)}.",
            "The board shows both; the licence is an SPDX identifier like MIT or Apache-2.0.",
        )
    if not (found.paper.strip() or found.notes.strip()):
        return warning(
            "it names no paper and has no notes.",
            "State in `paper` where it is published, or in `notes` what it does.",
        )
    return kept(f"'{found.title}', a {found.kind} under {found.licence}.")


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
