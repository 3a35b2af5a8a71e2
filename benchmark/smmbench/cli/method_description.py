"""Description of a method for its users."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from smmbench.external.recipe.finding import recipe_names
from smmbench.method import Card
from smmbench.method.imported_card import card_names, load_card
from smmbench.method.parameters import parameter_help, parameters_to_json, type_in_words
from smmbench.resolving import distribution_of, find_method, method_names


@dataclasses.dataclass(frozen=True)
class ParameterDescription:
    """One parameter of a method: its accepted values, and its meaning."""

    name: str
    type: str
    default: Any
    help: str


@dataclasses.dataclass(frozen=True)
class MethodDescription:
    """One method; of a broken one only the name, where it is from, and the error."""

    name: str
    distribution: str
    card: Card | None = None
    parameters: tuple[ParameterDescription, ...] = ()
    presets: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    search: dict[str, str] = dataclasses.field(default_factory=dict)  # by parameter, in words
    deterministic: bool = False
    families: dict[str, str] = dataclasses.field(default_factory=dict)  # of backbones, in words
    error: str = ""


def describe(reference: str) -> MethodDescription:
    """Describe one method; raises what `find_method` raises."""
    if reference in card_names() and reference not in method_names():
        card = load_card(reference)
        return MethodDescription(reference, distribution_of(reference), card)
    method = find_method(reference)
    return MethodDescription(
        name=reference,
        distribution=distribution_of(reference),
        card=method.card,
        parameters=describe_parameters(method.Parameters),
        presets=dict(method.presets),
        search={name: str(space) for name, space in method.search.items()},
        deterministic=method.deterministic,
        families={
            family: ": ".join(part for part in (support.status, support.note) if part)
            for family, support in getattr(method, "families", {}).items()
        },
    )


def describe_all() -> list[MethodDescription]:
    """Describe every method that is offered; one that does not load keeps its line, and says so."""
    described = []
    for name in dict.fromkeys((*method_names(), *recipe_names(), *card_names())):
        try:
            described.append(describe(name))
        except (ValueError, LookupError, ImportError) as error:
            described.append(MethodDescription(name, distribution_of(name), error=str(error)))
    return described


def describe_parameters(parameters: type) -> tuple[ParameterDescription, ...]:
    """Describe every field of a `Parameters` dataclass whose fields all have defaults."""
    types = get_type_hints(parameters)
    helps = parameter_help(parameters)
    return tuple(
        ParameterDescription(name, type_in_words(types[name]), default, helps[name])
        for name, default in parameters_to_json(parameters()).items()
    )
