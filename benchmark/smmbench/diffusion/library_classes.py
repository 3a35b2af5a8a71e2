"""Classes of diffusers and transformers, and the package that keeps one from being imported.

Both libraries import optional packages that happen to be installed. An unfit version of one of them
keeps their networks from being imported, even if nothing here would use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from traceback import walk_tb
from typing import Any

from packaging.utils import canonicalize_name

from smmbench.errors import MachineError
from smmbench.plugins import declared_package, required_packages

LIBRARIES = ("diffusers", "transformers")


@dataclass(frozen=True)
class Obstacle:
    """Why a class cannot be imported.

    Attributes:
        reason: The versions that do not fit, and the error, in one sentence.
        advice: What to do, in one sentence.
    """

    reason: str
    advice: str


def library_class(name: str) -> Any:
    """Import a class of diffusers or, if diffusers has none of that name, of transformers.

    Raises:
        MachineError: It cannot be imported; the message says which package is responsible, which
            version of it fits, and what to do.
    """
    try:
        return import_class(name)
    except Exception as error:  # half an installation may raise anything
        obstacle = explain(name, error)
        raise MachineError(f"{obstacle.reason} {obstacle.advice}") from error


def import_class(name: str) -> Any:
    """As `library_class`, with whatever error the libraries raise."""
    import diffusers  # takes seconds: only where a model is loaded
    import transformers

    library: Any = diffusers if hasattr(diffusers, name) else transformers
    return getattr(library, name)


def explain(name: str, error: BaseException) -> Obstacle:
    """Explain why a class cannot be imported.

    Args:
        name: The class.
        error: What `import_class` raised.
    """
    first = _causes(error)[-1]
    said = f"{type(first).__name__}: {(str(first).splitlines() or [''])[0]}".rstrip(". ")
    libraries = " and ".join(f"{library} {version(library)}" for library in LIBRARIES)
    package = _responsible(error)
    if not package:
        return Obstacle(
            f"{libraries} cannot import {name} ({said}).",
            f"Run `pip install --upgrade {' '.join(LIBRARIES)}`.",
        )
    installed, requirement = version(package), declared_package(package)
    reason = f"{package} {installed} is installed, with which {libraries} cannot import {name}"
    if requirement is None:
        return Obstacle(
            f"{reason} ({said}); smmbench itself does not need it.",
            f"Run `pip install --upgrade {package}`.",
        )
    if requirement.specifier.contains(installed, prereleases=True):
        upgrade = f"{package} {' '.join(LIBRARIES)}"
    else:
        upgrade = f'"{package}{requirement.specifier}"'
    return Obstacle(
        f"{reason} ({said}); {package}{requirement.specifier} is needed, or none.",
        f"Run `pip install --upgrade {upgrade}`, or `pip uninstall {package}` if it is not used.",
    )


def _responsible(error: BaseException) -> str:
    """Name the distribution, none of those always needed, in which an import failed; or none."""
    owners = packages_distributions()
    needed = {canonicalize_name(one.name) for one in required_packages()} | {"smmbench"}
    for module in _modules(error):
        for owner in owners.get(module.partition(".")[0], ()):
            if canonicalize_name(owner) not in needed:
                return owner
    return ""


def _modules(error: BaseException) -> Iterator[str]:
    """Yield the modules that an error names or passed through, the innermost first."""
    for cause in reversed(_causes(error)):
        if isinstance(cause, ImportError) and cause.name:
            yield cause.name
        frames = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(cause.__traceback__)]
        yield from reversed(frames)


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and the errors that led to it, the first to be raised last."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    return causes
