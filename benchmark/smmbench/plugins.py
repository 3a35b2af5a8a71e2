"""Installed distributions: what they provide by entry point, and which of them this one needs.

What others provide is not trusted: it may raise anything.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from packaging.requirements import Requirement


@cache
def offered(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name, in alphabetical order; nothing is imported."""
    found = sorted(entry_points(group=group), key=lambda point: point.name)
    return {point.name: point for point in found}


def load_offered(group: str, name: str, what: str) -> Any:
    """Import the object that a distribution provides under `name`.

    Raises:
        LookupError: There is no such name; the message lists the available ones.
        ImportError: Its code does not load; the message names the distribution.
    """
    points = offered(group)
    if name not in points:
        raise LookupError(no_such(what, name, points))
    point = points[name]
    try:
        return point.load()
    except Exception as error:  # another distribution's module may raise anything
        owner = point.dist.name if point.dist else "an unknown distribution"
        raise ImportError(
            f"The {what} '{name}' ({point.value}, from {owner}) does not load: "
            f"{type(error).__name__}: {error}"
        ) from error


def load_from_file(reference: str, what: str) -> Any:
    """Import `path.py:Name`.

    Raises:
        ValueError: The reference is not of that form, the file or the name is missing.
    """
    path_text, _, attribute = reference.rpartition(":")
    path = Path(path_text).expanduser()
    if not path_text or not attribute:
        raise ValueError(f"A {what} in a file is named as path.py:Class, got '{reference}'.")
    if not path.is_file():
        raise ValueError(f"No file '{path}' for the {what} '{reference}'.")
    spec = importlib.util.spec_from_file_location(f"smmbench_file_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"'{path}' is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # another distribution's module may raise anything
        raise ImportError(f"'{path}' does not load: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        classes = [name for name, one in vars(module).items() if _is_own(one, module)]
        raise ValueError(f"In '{path}': {no_such('class', attribute, classes)}")
    return getattr(module, attribute)


def _is_own(one: object, module: ModuleType) -> bool:
    """Whether an attribute is a class that the module defines, and does not import."""
    return isinstance(one, type) and one.__module__ == module.__name__


SHORTEST_BEGINNING = 3
"""Number of letters from which the beginning of a name suggests the name."""


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message for an unknown name: it suggests the closest, then lists the known names.

    The suggestion stands before the list, which may be longer than a screen is wide.
    """
    known = list(known)
    listed = f"vailable: {', '.join(known) or 'none'}."
    meant = did_you_mean(name, known)
    return f"No {what} '{name}'.{meant} A{listed}" if meant else f"No {what} '{name}'; a{listed}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence, after a space, that suggests the closest known name; empty if none is.

    A name in other letter case counts as the closest. If it is like none, the first is suggested
    that it begins (`motion` for `motion_fidelity`) or that it ends after a colon (`smm` for
    `ledger:smm`).
    """
    import difflib  # only here: the command line loads this module before it shows its help

    by_lower = {one.lower(): one for one in known}
    lower = name.lower()
    near = difflib.get_close_matches(lower, by_lower, n=1)
    near += [one for one in by_lower if lower and one.endswith(f":{lower}")]
    near += [one for one in by_lower if one.startswith(lower) and len(lower) >= SHORTEST_BEGINNING]
    return f" Did you mean '{by_lower[near[0]]}'?" if near else ""


def required_packages() -> list[Requirement]:
    """Return the packages that smmbench always needs; those of its extras are not among them."""
    return [one for one in _declared() if one.marker is None or one.marker.evaluate()]


def declared_package(package: str) -> Requirement | None:
    """Return what smmbench declares about a package, also if only an extra needs it.

    Args:
        package: Its name, in any spelling that means the same package.
    """
    from packaging.utils import canonicalize_name

    name = canonicalize_name(package)
    return next((one for one in _declared() if canonicalize_name(one.name) == name), None)


def _declared() -> list[Requirement]:
    from packaging.requirements import Requirement  # only here: commands load this module first

    return [Requirement(line) for line in requires("smmbench") or ()]
