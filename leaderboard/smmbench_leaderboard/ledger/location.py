"""Locate a ledger: a given folder, or the ledger that is part of this installation."""

from __future__ import annotations

from pathlib import Path

PUBLISHED = "published"
"""Name of the ledger that is part of this installation."""


def ledger_folder(name: str | Path) -> Path:
    """Return the folder of a ledger: a path, or `published` for that of this clone or wheel.

    Raises:
        ValueError: There is no such folder, or it is not a ledger.
    """
    if str(name) != PUBLISHED:
        folder = Path(name)
        if not folder.is_dir():
            raise ValueError(
                f"No ledger in '{folder}': name its folder, or '{PUBLISHED}' for the one that came "
                "with smmbench."
            )
        return folder
    package = Path(__file__).parents[1]
    for folder in (package / "entries", package.parent / "entries"):  # in a wheel, in a clone
        if folder.is_dir():
            return folder
    raise ValueError(f"This installation has no ledger: looked in '{package / 'entries'}'.")
