"""Find recipes by registered name or by path."""

from __future__ import annotations

from pathlib import Path

from smmbench import plugins

GROUP = "smmbench.recipes"  # name = a function that returns the recipe's path


def recipe_names() -> tuple[str, ...]:
    """Return the names of all registered recipes, without importing anything."""
    return tuple(plugins.offered(GROUP))


def is_recipe(reference: str) -> bool:
    """Whether a method is a recipe: a registered one, or a `.toml` file."""
    return reference.endswith(".toml") or reference in plugins.offered(GROUP)


def recipe_path(reference: str) -> Path:
    """The file of a recipe.

    Raises:
        ValueError: There is no such file.
        ImportError: The registered function does not load.
    """
    if not reference.endswith(".toml"):
        return Path(plugins.load_offered(GROUP, reference, "recipe")())
    path = Path(reference).expanduser()
    if not path.is_file():
        raise ValueError(f"No file '{path}' for the recipe '{reference}'.")
    return path.resolve()


def recipe_label(reference: str) -> str:
    """The default label on the board: the name, or the file name without its ending."""
    return Path(reference).stem.lower() if reference.endswith(".toml") else reference
