"""Set up official code once: the checkout, the environment, and a stamp of completion."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from smmbench.external.call.log import Log
from smmbench.external.install.checkout import SetupError, check_out, tree_sha256
from smmbench.external.install.environment import freeze, freeze_sha256, make_environment
from smmbench.external.recipe.schema import Recipe
from smmbench.storage.atomic import write_text
from smmbench.storage.home import home

STAMP, FREEZE, LOG = "stamp.json", "environment.txt", "setup.log"


@dataclass(frozen=True)
class Stamp:
    """Stamp of a completed set-up; written last, so that a partial one never counts as complete.

    Attributes:
        commit: Commit of the repository.
        tree: SHA-256 of the checkout.
        environment: SHA-256 of the recipe's description of the environment.
        python: The interpreter.
        freeze: SHA-256 of the names and versions of all installed packages.
    """

    commit: str
    tree: str
    environment: str
    python: str
    freeze: str


def folder_of(name: str, recipe: Recipe) -> Path:
    """Folder in which a recipe's code is set up: one per commit."""
    return home() / "external" / f"{name}-{recipe.code.commit[:12]}"


def set_up(
    name: str,
    recipe: Recipe,
    *,
    repository: str | None = None,
    python: str | None = None,
    anew: bool = False,
) -> Stamp:
    """Fetch the code and create its environment; complete parts are kept.

    An interrupted set-up resumes: a complete checkout or environment is kept. If the recipe
    changes, the environment is recreated.

    Args:
        name: The recipe's name.
        recipe: What to set up.
        repository: Another address or a local folder, used instead of the recipe's address.
        python: The interpreter for the environment.
        anew: Start from scratch.

    Raises:
        SetupError: A part is unavailable; the message says what to do.
    """
    folder = folder_of(name, recipe)
    if anew:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _environment_sha256(recipe)
    stamp = read_stamp(folder)
    checkout = folder / "checkout"
    if stamp is not None and _fault(stamp, recipe, folder) == "":
        return stamp
    (folder / STAMP).unlink(missing_ok=True)
    if stamp is not None and checkout.is_dir() and tree_sha256(checkout) != stamp.tree:
        shutil.rmtree(checkout)
    if not checkout.is_dir():
        check_out(repository or recipe.code.repository, recipe.code.commit, checkout)
    environment = folder / f"environment-{wanted[:12]}"
    log = Log()
    try:
        made = make_environment(recipe.environment, checkout, environment, python, log)
    finally:
        (folder / LOG).write_bytes(log.content())
    installed = freeze(made, folder)
    write_text(folder / FREEZE, installed + "\n")
    done = Stamp(
        commit=recipe.code.commit,
        tree=tree_sha256(checkout),
        environment=wanted,
        python=str(made),
        freeze=freeze_sha256(installed),
    )
    write_text(folder / STAMP, json.dumps(asdict(done), indent=2) + "\n")
    return done


def ready(name: str, recipe: Recipe, reference: str) -> Stamp:
    """The stamp of a set-up that is complete and belongs to this recipe.

    Args:
        name: The recipe's name.
        recipe: The recipe to set up.
        reference: Name or path as the user gave it, for the message.

    Raises:
        SetupError: There is no such set-up; the message names the command.
    """
    folder = folder_of(name, recipe)
    stamp = read_stamp(folder)
    fault = "it is not set up" if stamp is None else _fault(stamp, recipe, folder)
    if stamp is None or fault:
        raise SetupError(f"'{name}': {fault}. Run `smmbench methods setup {reference}`.")
    return stamp


def read_stamp(folder: Path) -> Stamp | None:
    """The stamp of a folder; None if it has none that can be read."""
    try:
        return Stamp(**json.loads((folder / STAMP).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _fault(stamp: Stamp, recipe: Recipe, folder: Path) -> str:
    """What is wrong with a set-up; empty if nothing is."""
    if stamp.environment != _environment_sha256(recipe):
        return "the recipe's environment has changed"
    if not Path(stamp.python).exists():
        return f"its interpreter '{stamp.python}' is missing"
    checkout = folder / "checkout"
    if not checkout.is_dir():
        return "its checkout is missing"
    if stamp.commit != recipe.code.commit or tree_sha256(checkout) != stamp.tree:
        return "its checkout was changed"
    return ""


def _environment_sha256(recipe: Recipe) -> str:
    parts = recipe.environment.model_dump(mode="json", exclude={"variables", "passed"})
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


__all__ = ["LOG", "SetupError", "Stamp", "folder_of", "read_stamp", "ready", "set_up"]
