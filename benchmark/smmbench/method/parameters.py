"""Parse a method's parameters from the command line: typed, checked, and complete."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import Doc

from smmbench.method import Method
from smmbench.plugins import no_such


def choose_preset(method: type[Method[Any, Any]], asked: str | None, dataset: str) -> str | None:
    """Return the name of the preset to start from, or None for the defaults.

    It is the requested preset; otherwise the one named after the dataset or a prefix of its name up
    to a hyphen (`emoji` for `emoji` and `emoji-val`), the longest that exists (`emoji-wan` for
    `emoji-wan-val`); otherwise none.

    Raises:
        LookupError: The method has no preset of the requested name.
    """
    if asked is not None:
        if asked not in method.presets:
            raise LookupError(no_such("preset", asked, method.presets))
        return asked
    parts = dataset.split("-")
    families = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((family for family in families if family in method.presets), None)


def note_on_defaults(method: type[Method[Any, Any]], dataset: str) -> str:
    """Return a note if a method has presets, but none for a dataset; otherwise nothing.

    The defaults of most methods are those of a paper, for a model of full size.
    """
    if not method.presets or choose_preset(method, None, dataset) is not None:
        return ""
    return (
        f"{method.card.title} has no preset for '{dataset}', so its defaults are used; --preset "
        f"names one of {', '.join(method.presets)}."
    )


def build_parameters(
    method: type[Method[Any, Any]],
    preset: str | None = None,
    settings: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Any:
    """Build a method's `Parameters`: its defaults, changed by a preset, settings and values.

    Args:
        method: A method's class.
        preset: One of its presets, or None.
        settings: Each `name=value`; the value is read as the field's annotated type. Tuples are
            written with commas or as JSON; `none` stands for None where the type allows it.
        values: Values by name, of the field's type or as JSON values.

    Raises:
        LookupError: There is no such parameter or preset; the message lists the existing ones.
        ValueError: A setting has the wrong form or type, or `Parameters` rejects it.
    """
    types = get_type_hints(method.Parameters)
    if preset is not None and preset not in method.presets:
        raise LookupError(no_such("preset", preset, method.presets))
    built: dict[str, Any] = {}
    for name, value in (method.presets[preset] if preset is not None else {}).items():
        if name not in types:
            raise LookupError(f"In preset '{preset}': {no_such('parameter', name, types)}")
        built[name] = _checked(name, types[name], [value], value)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"A setting is written name=value, got '{setting}'.")
        if name not in types:
            raise LookupError(no_such("parameter", name, types))
        built[name] = _checked(name, types[name], _readings(text, types[name]), text)
    for name, value in (values or {}).items():
        if name not in types:
            raise LookupError(no_such("parameter", name, types))
        built[name] = _checked(name, types[name], [value], value)
    return method.Parameters(**built)


def parameters_from_json(method: type[Method[Any, Any]], content: dict[str, Any]) -> Any:
    """Build a method's `Parameters` from the output of `parameters_to_json`."""
    types = get_type_hints(method.Parameters)
    return method.Parameters(
        **{name: _checked(name, types[name], [value], value) for name, value in content.items()}
    )


def parameter_values(parameters: Any) -> dict[str, Any]:
    """Return all parameters by name, typed and not converted to JSON."""
    return {field.name: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}


def parameters_to_json(parameters: Any) -> dict[str, Any]:
    """Return all parameters by name as JSON values: a tuple is a list, a path is text."""
    types = get_type_hints(type(parameters))
    return {
        field.name: TypeAdapter(types[field.name]).dump_python(
            getattr(parameters, field.name), mode="json"
        )
        for field in dataclasses.fields(parameters)
    }


def parameter_help(parameters: type) -> dict[str, str]:
    """Return the description of each parameter by name; empty if there is none.

    A field states it as `Annotated[int, Doc("of DDIM sampling")]`, with `Doc` of
    `typing_extensions`, or as `field(metadata={"help": "of DDIM sampling"})`.
    """
    annotations = get_type_hints(parameters, include_extras=True)
    helps = {}
    for field in dataclasses.fields(parameters):
        notes = getattr(annotations[field.name], "__metadata__", ())
        said = [note.documentation for note in notes if isinstance(note, Doc)]
        helps[field.name] = said[-1] if said else field.metadata.get("help", "")
    return helps


def type_in_words(annotation: Any) -> str:
    """Describe the accepted values of a parameter: `float`, `one of 'a', 'b'`, `int or none`."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(repr(value) for value in arguments)
    if get_origin(annotation) is tuple:
        if arguments[-1:] == (Ellipsis,):
            return f"any number of {type_in_words(arguments[0])}, with commas"
        return f"({', '.join(type_in_words(part) for part in arguments)}), with commas"
    if NoneType in arguments:
        others = [type_in_words(part) for part in arguments if part is not NoneType]
        return " or ".join([*others, "none"])
    if arguments and get_origin(annotation) is not list:
        return " or ".join(type_in_words(part) for part in arguments)
    return getattr(annotation, "__name__", str(annotation))


def _readings(text: str, annotation: Any) -> Iterator[Any]:
    """All possible readings of `text`, the likeliest first."""
    if NoneType in get_args(annotation) and text.lower() in ("none", "null"):
        yield None
    yield text
    with contextlib.suppress(json.JSONDecodeError):
        yield json.loads(text)
    yield [part.strip() for part in text.split(",")] if text.strip() else []


def _checked(name: str, annotation: Any, readings: Iterable[Any], given: Any) -> Any:
    """The first reading of the right type; NaN and infinity are never accepted."""
    adapter = TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))
    for reading in readings:
        try:
            return adapter.validate_python(reading)
        except ValidationError:
            continue
    raise ValueError(f"Parameter '{name}' must be {type_in_words(annotation)}, got {given!r}.")
