"""Addresses of this project and its contact, from `[project.urls]` in pyproject.toml.

That table is the only source: pages, commands and the package index read it from there.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata

UNSTATED = "`[project.urls]` of this copy states none"


def addresses() -> dict[str, str]:
    """Return the stated addresses by name (`Repository`, `Contact`, `Paper`)."""
    try:
        lines = metadata("smmbench").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from a folder without an installation
        return {}
    pairs = (line.partition(", ") for line in lines)
    return {name: address for name, _, address in pairs if address}
