"""Resolution of methods: by an installed name, as `path.py:Class`, or by a recipe."""

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
    """Return the names of all methods of installed distributions; nothing is imported."""
    return tuple(offered(GROUP))


@dataclass(frozen=True)
class ResolvedMethod:
    """A resolved method, which is passed on as a value.

    Attributes:
        reference: The given name; empty if the class itself was given.
        implementation: Its validated class.
        entry: Location of the class for records; see `entry_of`.
        label: The default label on the board.
        distribution: The distribution that provides it; empty for a method in a file.
    """

    reference: str
    implementation: type[Method[Any, Any]]
    entry: str
    label: str
    distribution: str

    @property
    def card(self) -> Card:
        """What a reader of the board must know about it."""
        return self.implementation.card

    def elsewhere(self) -> ResolvedMethod:
        """The same method with a reference that a process in another folder can resolve."""
        if is_recipe(self.reference) and self.reference not in recipe_names():
            return replace(self, reference=str(recipe_path(self.reference).resolve()))
        if not _is_file(self.reference):
            return self
        path, _, attribute = self.reference.rpartition(":")
        return replace(self, reference=f"{Path(path).expanduser().resolve()}:{attribute}")

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle by the reference, as the module of a class in a file cannot be imported."""
        return (resolve, (self.reference,)) if self.reference else super().__reduce__()


def resolve(method: str | type[Method[Any, Any]] | ResolvedMethod) -> ResolvedMethod:
    """Resolve a method; raises as `find_method` does.

    Args:
        method: A reference as accepted by `find_method`, a method's class, or a resolved method.
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
        LookupError: There is no method of that name; the message lists the available ones.
        ImportError: Its code does not load; the message names its distribution or file.
        ValueError: There is no such file, or its class is not a complete method.
    """
    return _checked(load_class(reference), reference)


def load_class(reference: str) -> Any:
    """Import the referenced object without validating it; raises as `find_method` does."""
    if is_recipe(reference):
        from smmbench.external.declaring import method_of

        return method_of(recipe_path(reference), recipe_label(reference))
    if _is_file(reference):
        return load_from_file(reference, "method")
    if reference in offered(GROUP):
        return load_offered(GROUP, reference, "method")
    if reference in offered(CARDS):
        raise LookupError(
            f"'{reference}' cannot be run here; its videos are imported with `smmbench import`. "
            f"See `smmbench methods show {reference}` for the reason."
        )
    raise LookupError(no_such("method", reference, (*method_names(), *recipe_names())))


def entry_of(reference: str) -> str:
    """Return the location of a method's class for the record.

    It is `package.module:Class` for an installed method and `file.py:Class@sha256:...` for a file,
    because the folder is meaningless on other machines and a changed file is another method.
    A recipe likewise gives `file.toml@sha256:...@commit:...`.
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
    """The default label on the board: `slow-shift` for `toy.py:SlowShift`."""
    if is_recipe(reference):
        return recipe_label(reference)
    if not _is_file(reference):
        return reference
    return _in_words(reference.rpartition(":")[2])


def distribution_of(reference: str) -> str:
    """Name of the distribution that provides a method; empty for a method in a file."""
    points = {**offered(CARDS), **offered(RECIPES), **offered(GROUP)}
    point = points.get(reference)
    return point.dist.name if point is not None and point.dist is not None else ""


def _in_words(name: str) -> str:
    """`slow-shift` for `SlowShift`."""
    return "-".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)).lower()


def _entry_of_class(method: type[Method[Any, Any]]) -> str:
    """Module, class and a hash of the source, because code may change under the same name."""
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
    """Reject classes that do not implement the interface, before anything is run."""
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
