"""Create the environment of official code, and list its contents."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from smmbench.errors import CommandError
from smmbench.external.call.command import run_commands
from smmbench.external.call.log import Log
from smmbench.external.call.variables import INSTALLING, variables
from smmbench.external.install.checkout import SetupError
from smmbench.external.recipe.tables import EnvironmentOf

SECONDS = 2 * 3600.0  # for all that pip installs
WHOLE = "whole"  # a file that is written last

_FREEZE = """
import importlib.metadata as m, platform
print("python==" + platform.python_version())
names = set()
for d in m.distributions():
    name = d.metadata["Name"] if d.metadata else None
    if name:  # a package that is just being removed has none
        names.add(name.lower() + "==" + str(d.version))
print("\\n".join(sorted(names)))
"""
_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:2])))"


def make_environment(
    wanted: EnvironmentOf, repository: Path, folder: Path, python: str | None, log: Log
) -> Path:
    """Return the interpreter of an environment, creating the environment if necessary.

    Args:
        wanted: The recipe's description of the environment.
        repository: The checkout, which contains the requirement files.
        folder: Folder of the virtual environment. An incomplete one is recreated.
        python: The interpreter to use; by default the one on the path that has the
            recipe's version.
        log: Receives what pip prints.

    Raises:
        SetupError: There is no such interpreter, or pip failed.
    """
    if wanted.kind == "none":
        return Path(sys.executable)
    made = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / WHOLE).is_file() and made.is_file():
        return made
    base = python or _interpreter(wanted.python)
    version = _said(base, _VERSION, folder.parent)
    if version.strip() != wanted.python:
        raise SetupError(
            f"The recipe needs Python {wanted.python}, but '{base}' is {version.strip()}. "
            "Name another with --python PATH."
        )
    shutil.rmtree(folder, ignore_errors=True)
    _install([base, "-m", "venv", str(folder)], folder.parent, Path(base), log)
    words = [word for file in wanted.requirements for word in ("-r", str(repository / file))]
    words += wanted.packages
    if words:
        pip = [str(made), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        _install([*pip, *words], repository, made, log)
    (folder / WHOLE).touch()
    return made


def freeze(python: Path, folder: Path) -> str:
    """Name and version of everything in an environment, one per line."""
    return _said(str(python), _FREEZE, folder)


def freeze_sha256(content: str) -> str:
    """SHA-256 of the result of `freeze`."""
    return hashlib.sha256(content.encode()).hexdigest()


def _interpreter(version: str) -> str:
    """Find an interpreter of this version on the path."""
    here = ".".join(map(str, sys.version_info[:2]))
    found = shutil.which(f"python{version}") or (sys.executable if here == version else None)
    if found is None:
        raise SetupError(
            f"The recipe needs Python {version}, but there is no `python{version}` on the "
            "path. Install it and name it with --python PATH."
        )
    return found


def _install(command: Sequence[str], folder: Path, python: Path, log: Log) -> None:
    seen = variables("cpu", python, Path(os.environ.get("TMPDIR", "/tmp")), {}, INSTALLING)
    try:
        run_commands([command], folder=folder, environment=seen, seconds=SECONDS, log=log)
    except CommandError as error:
        raise SetupError(f"The environment cannot be created: {error}") from error


def _said(python: str, script: str, folder: Path) -> str:
    """Run a script with an interpreter that sees only its own packages; return what it prints."""
    log = Log()
    seen = variables("cpu", Path(python), folder, {})
    try:
        command = [python, "-I", "-c", script]
        run_commands([command], folder=folder, environment=seen, seconds=120.0, log=log)
    except CommandError as error:
        raise SetupError(f"'{python}' is not a working Python: {error}") from error
    lines = log.content().decode("utf-8", "replace").split("\n")
    begin = 1 + script.count("\n")  # the line that repeats the command
    return "\n".join(line for line in lines[begin:] if line and not line.startswith("[exit code"))
