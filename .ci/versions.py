"""Versions of the packages that pyproject.toml declares.

python .ci/versions.py lowest [EXTRA...] >constraints.txt   # the lowest declared, for pip -c
python .ci/versions.py installed [EXTRA...]                 # those here, as a Markdown table
"""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

NAME, BOUND = re.compile(r"[A-Za-z0-9._-]+"), re.compile(r">=\s*([\w.]+)")


def declared(extras: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and lower bound of each dependency and of those of extras; "" if unbounded."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = list(project["dependencies"])
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    for requirement in dict.fromkeys(requirements):
        name, bound = NAME.match(requirement), BOUND.search(requirement)
        assert name, requirement
        yield name[0], bound[1] if bound else ""


def main(verb: str, extras: Sequence[str]) -> None:
    """Print one of the two."""
    if verb == "lowest":
        print(*(f"{name}=={bound}" for name, bound in declared(extras) if bound), sep="\n")
    elif verb == "installed":
        print(f"| package | version |\n|---|---|\n| Python | {platform.python_version()} |")
        print(*(f"| {name} | {version(name)} |" for name, _ in declared(extras)), sep="\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main((sys.argv[1:] or [""])[0], sys.argv[2:])
