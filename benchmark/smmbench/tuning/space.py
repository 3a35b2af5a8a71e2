"""The space that a method declares, checked against its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from smmbench.method import Method
from smmbench.method.parameters import type_in_words
from smmbench.method.search_space import Choices, LogRange, Range, Space
from smmbench.plugins import no_such

ENDS = (0.0, 0.5, 1 - 2**-20)


def checked_space(method: type[Method[Any, Any]]) -> dict[str, Space]:
    """The search space of a method, in the order of its declaration.

    Raises:
        LookupError: It names an unknown parameter.
        ValueError: A value is not of the parameter's type, or the space is invalid.
    """
    types = get_type_hints(method.Parameters)
    declared: Mapping[str, Any] = method.search
    for name, space in declared.items():
        if name not in types:
            raise LookupError(f"In `search`: {no_such('parameter', name, types)}")
        if not isinstance(space, get_args(Space)):
            raise ValueError(
                f"In `search`, '{name}' must be Range, LogRange or Choices; got {space!r}."
            )
        for value in _samples(space):
            _check(name, value, types[name])
    return dict(declared)


def _samples(space: Space) -> list[Any]:
    if isinstance(space, Choices):
        return list(space.values)
    assert isinstance(space, (Range, LogRange))
    return [space.at(place) for place in ENDS]


def _check(name: str, value: Any, annotation: Any) -> None:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        raise ValueError(
            f"In `search`, '{name}' can be {value!r}, but must be {type_in_words(annotation)}."
        ) from None
