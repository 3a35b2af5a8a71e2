"""Description of a public set: its layout, its terms, and its protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.dataset.manifest import Protocol
from smmbench.dataset.prompt_files import Asked
from smmbench.dataset.writing import About, Place


@dataclass(frozen=True)
class Entry:
    """One clip of a set: its prompts, and the location of its video."""

    asked: Asked
    place: Place


@dataclass(frozen=True)
class PublicSet:
    """A set, and how a copy of it is read.

    Attributes:
        about: Description in its manifest.
        frames: Maximum number of frames per clip.
        width: Width in pixels.
        height: Height in pixels.
        fps: Frames per second.
        layout: Contents of a copy, in one line.
        taken: Which frames of a clip are used, in words.
        masks: Which masks there are, in words.
        read: Finds the clips of a copy by name; the second argument is the file of prompts, for a
            set that publishes it separately.
        hub: Owner and name of the set on the hub; empty if it is not there.
        revision: Default commit on the hub; empty if none is known.
        prompts: Description of the file of prompts, for a set that publishes it separately.
    """

    about: About
    frames: int
    width: int
    height: int
    fps: float
    layout: str
    taken: str
    masks: str
    read: Callable[[Path, Path | None], Mapping[str, Entry]]
    hub: str = ""
    revision: str = ""
    prompts: str = ""

    def protocol(self, **changed: Any) -> Protocol:
        """Return the set's own protocol, with other values in the given fields."""
        fixed: dict[str, Any] = {
            "frames": self.frames,
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "text_model": "ViT-B-32:openai",
            "tracker": "dis",
        }
        return Protocol(**{**fixed, **changed})


def legal_name(text: str) -> str:
    """Convert a set's name to a valid manifest name: `Pexels_3C_0` becomes `pexels_3c_0`."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.casefold()).strip("-._")[:64] or "clip"


def named_once(entries: list[tuple[str, Entry]], folder: Path) -> dict[str, Entry]:
    """Return entries by their valid names.

    Raises:
        ValueError: There are none, or two have the same name.
    """
    found: dict[str, Entry] = {}
    for name, entry in entries:
        if (legal := legal_name(name)) in found:
            raise ValueError(f"'{folder}' has two clips named '{legal}'.")
        found[legal] = entry
    if not found:
        raise ValueError(f"'{folder}' has no clips.")
    return found


def no_copy(folder: Path, title: str, lacks: str, layout: str) -> ValueError:
    """Return the error for a folder that is not a copy of the set."""
    archives = sorted(path.name for path in folder.glob("*") if path.suffix in (".zip", ".gz"))
    unpack = f" Unpack {', '.join(archives)} there first." if archives else ""
    return ValueError(
        f"'{folder}' is not a copy of {title}: it has no '{lacks}'. A copy holds {layout}.{unpack}"
    )
