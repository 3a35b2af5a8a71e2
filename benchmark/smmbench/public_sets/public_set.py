"""What is known of a public set: its layout, its terms, and the protocol that its name means."""

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
    """One clip of a set: what is asked for, and where its video lies."""

    asked: Asked
    place: Place


@dataclass(frozen=True)
class PublicSet:
    """A set, and how a copy of it is read.

    Attributes:
        about: What its manifest says of it.
        frames: Of each clip, at most.
        width: In pixels.
        height: In pixels.
        fps: Frames a second.
        layout: What a copy of it holds, in a line.
        taken: Which frames of a clip are taken, in words.
        masks: Which masks there are, in words.
        read: Finds the clips of a copy by their names; the second argument is the file of
            prompts, for a set that publishes it apart.
        hub: Owner and name of the set on the hub; empty where it is not there.
        revision: The commit of the hub that is taken unless another one is named; empty where
            none is known.
        prompts: What the file of prompts is, for a set that publishes it apart.
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
        """The set's own protocol, or one with other values in some fields."""
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
    """A name as manifests take it, made of one that a set uses: `Pexels_3C_0` is `pexels_3c_0`."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.casefold()).strip("-._")[:64] or "clip"


def named_once(entries: list[tuple[str, Entry]], folder: Path) -> dict[str, Entry]:
    """Entries by their legal names.

    Raises:
        ValueError: There are none, or two have one name.
    """
    found: dict[str, Entry] = {}
    for name, entry in entries:
        if (legal := legal_name(name)) in found:
            raise ValueError(f"'{folder}' has two clips of the name '{legal}'.")
        found[legal] = entry
    if not found:
        raise ValueError(f"'{folder}' has no clips.")
    return found


def no_copy(folder: Path, title: str, lacks: str, layout: str) -> ValueError:
    """The error of a folder that is no copy of a set."""
    archives = sorted(path.name for path in folder.glob("*") if path.suffix in (".zip", ".gz"))
    unpack = f" Unpack {', '.join(archives)} there first." if archives else ""
    return ValueError(
        f"'{folder}' is no copy of {title}: it has no '{lacks}'. A copy holds {layout}.{unpack}"
    )
