"""Build a method's class from a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from smmbench.external.method import External
from smmbench.external.recipe.schema import load_recipe
from smmbench.external.recipe.tables import ParameterOf
from smmbench.method import Card


def method_of(path: Path, name: str) -> type[External]:
    """The method that a recipe describes.

    Raises:
        ValueError: The recipe cannot be read or is wrong.
    """
    return _method_of(path, name, path.read_bytes() if path.is_file() else b"")


@cache
def _method_of(path: Path, name: str, content: bytes) -> type[External]:
    """Created once for each content of a file, since `Parameters` must stay the same class."""
    recipe = load_recipe(path)
    about = recipe.card
    card = Card(
        title=about.title,
        kind=about.kind,
        paper=about.paper,
        code=f"{recipe.code.repository} at {recipe.code.commit}",
        licence="none stated" if recipe.code.licence == "none" else recipe.code.licence,
        backbone=about.backbone,
        values=about.values,
        notes=about.notes,
    )
    content_of_class = {
        "recipe": recipe,
        "name": name,
        "path": path,
        "card": card,
        "presets": {key: dict(preset) for key, preset in recipe.presets.items()},
        "Parameters": _parameters(recipe.parameters),
        "__doc__": f"{about.title}, run with its official code.",
    }
    return type("External", (External,), content_of_class)


def _parameters(described: Mapping[str, ParameterOf]) -> type:
    """A frozen dataclass; the fields' metadata describes the parameters."""
    fields = []
    for name, one in described.items():
        kind: Any = Literal[one.choices] if one.choices else type(one.default)
        field = dataclasses.field(default=one.default, metadata={"help": one.comment})
        fields.append((name, kind, field))
    return dataclasses.make_dataclass("Parameters", fields, frozen=True)
