"""Where a ledger lies: a folder that is named, or the one that this installation came with."""

from __future__ import annotations

from pathlib import Path

PUBLISHED = "published"
"""Word for the ledger that this installation came with."""


def ledger_folder(name: str | Path) -> Path:
    """The folder of a ledger: a path, or `published` for the one of this clone or wheel.

    Raises:
        ValueError: There is no such folder, or it is no ledger.
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
    for folder in (package / "entries", package.parent / "entries"):  # a wheel's, a clone's
        if folder.is_dir():
            return folder
    raise ValueError(f"This installation has no ledger: looked in '{package / 'entries'}'.")
