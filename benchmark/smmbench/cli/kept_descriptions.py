"""Descriptions of methods, kept between commands: describing a method afresh loads PyTorch.

What is kept counts only while nothing has changed that it was read from: the offered methods, the
versions of the libraries that methods load, and every file of the packages that offer them.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from smmbench.cli.method_description import MethodDescription, describe_all
from smmbench.external.recipe.finding import GROUP as RECIPES
from smmbench.external.recipe.finding import recipe_names, recipe_path
from smmbench.method.imported_card import GROUP as CARDS
from smmbench.plugins import load_offered, offered
from smmbench.resolving import GROUP as METHODS
from smmbench.storage.atomic import write_text
from smmbench.storage.home import home

LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "opencv-python-headless", "av")
_DESCRIPTIONS = TypeAdapter(list[MethodDescription])


def described_methods() -> list[MethodDescription]:
    """Describe every method that is offered, as `describe_all`, from what is kept if it holds.

    Nothing is kept while one of them does not load: the next call tries it again.
    """
    file, origin = home() / "descriptions.json", _origin()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, ValidationError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["origin"] == origin and kept["files"] == _states(kept["files"]):
            return _DESCRIPTIONS.validate_python(kept["methods"])
    described = describe_all()
    if not any(method.error for method in described):
        methods = to_jsonable_python(described)
        content = {"origin": origin, "files": _states(_files()), "methods": methods}
        with contextlib.suppress(OSError):  # a home that cannot be written keeps nothing
            write_text(file, json.dumps(content))
    return described


def _points() -> list[EntryPoint]:
    return [point for group in (METHODS, RECIPES, CARDS) for point in offered(group).values()]


def _origin() -> list[str]:
    """What may change without a file of the offering packages: offers, libraries, Python."""
    offers = [
        f"{point.name}={point.value} of {point.dist.name if point.dist else ''}"
        for point in _points()
    ]
    libraries = []
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            libraries.append(f"{name} {version(name)}")
    return [sys.version, *offers, *libraries]


def _files() -> list[str]:
    """Files that descriptions were read from: loaded modules of the packages, recipes and cards."""
    packages = {"smmbench", *(point.value.partition(":")[0].split(".")[0] for point in _points())}
    modules = [
        module.__file__
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages and getattr(module, "__file__", None)
    ]
    recipes = [str(recipe_path(name)) for name in recipe_names()]
    cards = [str(load_offered(CARDS, name, "card")()) for name in offered(CARDS)]
    return [*(path for path in modules if path), *recipes, *cards]


def _states(paths: Iterable[str]) -> dict[str, Any]:
    """Time of change and size of each file, as Python's own compiled files are checked.

    Raises:
        OSError: One is gone.
    """
    found = {path: os.stat(Path(path)) for path in paths}
    return {path: [stat.st_mtime_ns, stat.st_size] for path, stat in found.items()}
