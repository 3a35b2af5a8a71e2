"""Write the manifest of a copy of a public set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from smmbench.dataset.writing import new_manifest
from smmbench.public_sets.public_set import PublicSet
from smmbench.storage.atomic import write_text


def take_set(
    known: PublicSet, folder: Path, prompts: Path | None = None, **protocol: Any
) -> tuple[Path, list[str]]:
    """Write the manifest of a copy of a set into the copy.

    The set's name identifies its own protocol; a set with another protocol is named `<name>-own`.

    Args:
        known: The set.
        folder: The copy.
        prompts: The file of prompts, for a set that publishes it separately.
        protocol: Fields of the protocol to change.

    Returns:
        The manifest's path, and notes on what was done.

    Raises:
        ValueError: It is not a copy of the set, or a clip cannot be read.
        FileExistsError: The manifest already exists.
    """
    if not folder.is_dir():
        raise ValueError(f"No folder '{folder}'.")
    about, own = known.about, known.protocol(**protocol)
    if own != known.protocol():
        about = replace(about, name=f"{about.name}-own", title=f"{about.title}, own protocol")
    path = folder / f"{about.name}.toml"
    if path.exists():
        raise FileExistsError(f"'{path}' already exists; remove it first.")
    entries = known.read(folder, prompts)
    asked = {clip: entry.asked for clip, entry in entries.items()}
    places = {clip: entry.place for clip, entry in entries.items()}
    text, notes = new_manifest(folder, asked, about, own, places)
    write_text(path, text)
    return path, notes
