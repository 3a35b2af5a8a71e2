"""Finding methods: by the name that a distribution offers, as `path.py:Class`, or by a recipe."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smmbench.external.recipe.finding import GROUP as RECIPES
from smmbench.external.recipe.finding import is_recipe, recipe_label, recipe_names, recipe_path
from smmbench.method import Card, Method
from smmbench.method.imported_card import GROUP as CARDS
from smmbench.plugins import load_from_file, load_offered, no_such, offered
from smmbench.storage.home import file_sha256

GROUP = "smmbench.methods"


def method_names() -> tuple[str, ...]:
    """Names of all methods that installed distributions offer; nothing is imported."""
    return tuple(offered(GROUP))


@dataclass(frozen=True)
class ResolvedMethod:
    """A method that was named, found once and carried on as a value.

    Attributes:
        reference: How it was named; empty for a class that was given itself.
        implementation: Its class, checked.
        entry: Where the class is, for records; see `entry_of`.
        label: The label on the board if none is given.
        distribution: The distribution that offers it; empty for one in a file.
    """

    reference: str
    implementation: type[Method[Any, Any]]
    entry: str
    label: str
    distribution: str

    @property
    def card(self) -> Card:
        """What a reader of the board must know of it."""
        return self.implementation.card

    def elsewhere(self) -> ResolvedMethod:
        """The same method, named so that a process in another folder finds it."""
        if is_recipe(self.reference) and self.reference not in recipe_names():
            return replace(self, reference=str(recipe_path(self.reference).resolve()))
        if not _is_file(self.reference):
            return self
        path, _, attribute = self.reference.rpartition(":")
        return replace(self, reference=f"{Path(path).expanduser().resolve()}:{attribute}")

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Travel by the reference: a class from a file cannot be found by its module's name."""
        return (resolve, (self.reference,)) if self.reference else super().__reduce__()


def resolve(method: str | type[Method[Any, Any]] | ResolvedMethod) -> ResolvedMethod:
    """Find a method, from whatever names it; raises as `find_method` does.

    Args:
        method: A reference as `find_method` takes it, a method's class, or what this gave.
    """
    if isinstance(method, ResolvedMethod):
        return method
    if isinstance(method, str):
        found = find_method(method)
        return ResolvedMethod(
            method, found, entry_of(method), label_of(method), distribution_of(method)
        )
    found = _checked(method, getattr(method, "__name__", str(method)))
    for name, point in offered(GROUP).items():
        if point.value == f"{found.__module__}:{found.__qualname__}":
            return resolve(name)
    return ResolvedMethod("", found, _entry_of_class(found), _in_words(found.__name__), "")


def find_method(reference: str) -> type[Method[Any, Any]]:
    """Import a method's class.

    Args:
        reference: A name among `method_names()` or `recipe_names()`, `path.py:Class`, or the
            path of a recipe.

    Raises:
        LookupError: No method of that name; the message lists what there is.
        ImportError: Its code does not load; the message names its distribution or file.
        ValueError: There is no such file, or what is there is not a whole method.
    """
    return _checked(load_class(reference), reference)


def load_class(reference: str) -> Any:
    """Import what is named as a method, whatever it is; raises as `find_method` does."""
    if is_recipe(reference):
        from smmbench.external.declaring import method_of

        return method_of(recipe_path(reference), recipe_label(reference))
    if _is_file(reference):
        return load_from_file(reference, "method")
    if reference in offered(GROUP):
        return load_offered(GROUP, reference, "method")
    if reference in offered(CARDS):
        raise LookupError(
            f"'{reference}' is not run here: its videos are imported. "
            f"`smmbench methods show {reference}` says why, `smmbench import` takes them."
        )
    raise LookupError(no_such("method", reference, (*method_names(), *recipe_names())))


def entry_of(reference: str) -> str:
    """Say for the record where a method's class is.

    `package.module:Class` for an offered one. `file.py:Class@sha256:...` for one in a file: its
    folder means nothing elsewhere, and another text of the file is another method. So is it with
    a recipe: `file.toml@sha256:...@commit:...`.
    """
    if is_recipe(reference):
        from smmbench.external.recipe.schema import load_recipe

        recipe = recipe_path(reference)
        commit = load_recipe(recipe).code.commit
        return f"{recipe.name}@sha256:{file_sha256(recipe)[:16]}@commit:{commit}"
    if not _is_file(reference):
        return offered(GROUP)[reference].value
    path, _, attribute = reference.rpartition(":")
    return f"{Path(path).name}:{attribute}@sha256:{file_sha256(Path(path).expanduser())[:16]}"


def label_of(reference: str) -> str:
    """The label on the board if none is given: `slow-shift` for `toy.py:SlowShift`."""
    if is_recipe(reference):
        return recipe_label(reference)
    if not _is_file(reference):
        return reference
    return _in_words(reference.rpartition(":")[2])


def distribution_of(reference: str) -> str:
    """Name of the distribution that offers a method; empty for one in a file."""
    points = {**offered(CARDS), **offered(RECIPES), **offered(GROUP)}
    point = points.get(reference)
    return point.dist.name if point is not None and point.dist is not None else ""


def _in_words(name: str) -> str:
    """`slow-shift` for `SlowShift`."""
    return "-".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)).lower()


def _entry_of_class(method: type[Method[Any, Any]]) -> str:
    """Module, class and a hash of its source, which may change under the same name."""
    entry = f"{method.__module__}:{method.__qualname__}"
    try:
        source = inspect.getsource(method)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"The source of the method '{entry}' cannot be read, so that its results could not be "
            "told from those of another version. Put the class into a file and name it as "
            "path.py:Class."
        ) from error
    return f"{entry}@sha256:{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def _is_file(reference: str) -> bool:
    return ":" in reference or reference.endswith(".py")


def _checked(found: Any, reference: str) -> type[Method[Any, Any]]:
    """Refuse what does not keep the interface, before anything is run."""
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise ValueError(
            f"The method '{reference}' is not a subclass of smmbench.method.Method: {found!r}."
        )
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise ValueError(f"The method '{reference}' does not define {', '.join(missing)}().")
    parameters = getattr(found, "Parameters", None)
    if not (isinstance(parameters, type) and dataclasses.is_dataclass(parameters)):
        raise ValueError(
            f"The method '{reference}' needs a frozen dataclass of its parameters named "
            f"Parameters, got {parameters!r}."
        )
    needed = [
        field.name
        for field in dataclasses.fields(parameters)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if needed:
        raise ValueError(
            f"Every parameter of the method '{reference}' needs a default; "
            f"without one: {', '.join(needed)}."
        )
    if not isinstance(getattr(found, "card", None), Card):
        raise ValueError(f"The method '{reference}' needs a `card = Card(title=...)`.")
    return found
