"""`smmbench methods setup`: fetch official code and create its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_json, print_line
from smmbench.options import Json


def setup_method(
    name: Annotated[str, typer.Argument(help="Name of a recipe, or path of its TOML file.")],
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            help="Alternative source of the code: an address or a local folder.",
        ),
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(
            "--python", help="Interpreter for the environment. Default: found on the path."
        ),
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Start from scratch.")] = False,
    json: Json = False,
) -> None:
    """Set up the official code of a method: its repository at one commit, and its environment.

    An interrupted set-up is resumed. Weights are not downloaded: missing ones are listed with the
    command to get them, and the exit code is 1.
    """
    import dataclasses
    import shutil

    from smmbench.external.install.setup import LOG, SetupError, folder_of, set_up
    from smmbench.external.install.weights import find_weights
    from smmbench.external.recipe.finding import is_recipe, recipe_label, recipe_names, recipe_path
    from smmbench.external.recipe.schema import load_recipe
    from smmbench.plugins import no_such

    if not is_recipe(name):
        raise LookupError(no_such("recipe", name, recipe_names()))
    recipe, label = load_recipe(recipe_path(name)), recipe_label(name)
    print_line(f"{label}: {recipe.code.repository} at {recipe.code.commit}", err=True)
    print_line(f"The output of the installation is in {folder_of(label, recipe) / LOG}.", err=True)
    base = None if python is None else shutil.which(python.expanduser()) or str(python)
    stamp = set_up(label, recipe, repository=repository, python=base, anew=anew)
    missing = ""
    try:
        find_weights(recipe.weights)
    except SetupError as error:
        missing = str(error)
    folder = folder_of(label, recipe)
    if json:
        content = {"folder": str(folder), "missing": missing, **dataclasses.asdict(stamp)}
        print_json(content)
    else:
        print_line(f"{label} is set up in {folder}.")
    if missing:
        print_line(missing, err=True)
    raise typer.Exit(1 if missing else 0)
