"""FiVE, the fine-grained video editing benchmark (Li et al., ICCV 2025).

Six files of prompts, one per kind of edit; clips as folders of images and as videos, of which the
images are read, with a mask for each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from smmbench.dataset.prompt_files import Asked
from smmbench.dataset.writing import About, Place
from smmbench.plugins import no_such
from smmbench.public_sets.public_set import Entry, PublicSet, named_once, no_copy
from smmbench.storage.text import read_text
from smmbench.video.listing import find_videos, is_image_folder

PROMPTS = "edit_prompt"
EDITS = ("rigid", "non-rigid", "colour", "material", "addition", "removal")
"""Kinds of edits in the order of their files, `edit1_FiVE.json` to `edit6_FiVE.json`."""
KINDS = {"rigid": "object", "non-rigid": "object", "colour": "colour"}


def read(folder: Path, prompts: Path | None = None) -> dict[str, Entry]:
    """Read the six files of prompts, and find the frames and masks of each clip.

    Raises:
        ValueError: It is not a copy of the set, or a clip is missing; the message names it.
    """
    texts = prompts or folder / PROMPTS
    if not texts.is_dir():
        raise no_copy(folder, FIVE.about.title, PROMPTS, FIVE.layout)
    captions: dict[str, str] = {}
    edits: dict[str, dict[str, str]] = {}
    kinds: dict[str, str] = {}
    for number, kind in enumerate(EDITS, 1):
        path = texts / f"edit{number}_FiVE.json"
        if not path.is_file():
            raise no_copy(folder, FIVE.about.title, f"{PROMPTS}/{path.name}", FIVE.layout)
        for row in _rows(path):
            clip = row["video_name"]
            captions.setdefault(clip, row["source_prompt"])
            own = edits.setdefault(clip, {})
            name = _free(kind, own)
            own[name] = row["target_prompt"]
            kinds |= {name: KINDS[kind]} if kind in KINDS else {}
    images = _folders(folder, "images", edits)
    found = []
    for clip in sorted(edits):
        masks = folder / "bmasks" / clip
        own_kinds = {name: kind for name, kind in kinds.items() if name in edits[clip]}
        asked = Asked(captions[clip], edits[clip], own_kinds)
        place = Place(images[clip], masks=masks if is_image_folder(masks) else None)
        found.append((clip, Entry(asked, place)))
    return named_once(found, folder)


def _rows(path: Path) -> list[dict[str, str]]:
    """Prompts of a file, without the brackets that mark the edited words."""
    wanted = ("video_name", "source_prompt", "target_prompt")
    try:
        content: Any = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"'{path}' is not JSON: {error}.") from error
    if not isinstance(content, list):
        raise ValueError(f"'{path}' must be a JSON list of edits.")
    rows = []
    for number, row in enumerate(content, 1):
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in wanted):
            raise ValueError(f"'{path}', edit {number}: it must have {', '.join(wanted)}.")
        rows.append({key: " ".join(row[key].translate(_BRACKETS).split()) for key in wanted})
    return rows


_BRACKETS = str.maketrans("", "", "[]")


def _free(kind: str, taken: dict[str, str]) -> str:
    """`colour`, then `colour-2`, `colour-3`: a clip may have several edits of the same kind."""
    same = sum(name == kind or name.startswith(f"{kind}-") for name in taken)
    return f"{kind}-{same + 1}" if same else kind


def _folders(folder: Path, kind: str, clips: dict[str, Any]) -> dict[str, Path]:
    if not (folder / kind).is_dir():
        raise no_copy(folder, FIVE.about.title, kind, FIVE.layout)
    present = dict(find_videos(folder / kind))
    for clip in clips:
        if clip not in present:
            raise ValueError(f"'{folder / kind}': {no_such('clip', clip, sorted(present))}")
    return present


FIVE = PublicSet(
    about=About(
        name="five",
        title="FiVE",
        licence="CC BY-NC 4.0; clips of DAVIS under its terms",
        attribution="FiVE by Li et al.; clips of DAVIS 2017 and of Wan2.1",
        description="100 clips with target prompts of six kinds: a new object that is rigid or "
        "not, colour, material, an object more, an object less.",
        citation="Li et al., FiVE: A Fine-grained Video Editing Benchmark for Evaluating Emerging "
        "Diffusion and Rectified Flow Models, ICCV 2025",
        home="https://sites.google.com/view/five-benchmark",
    ),
    frames=40,
    width=832,
    height=480,
    fps=8.0,
    layout="edit_prompt/edit1_FiVE.json to edit6_FiVE.json, images/CLIP/00001.jpg and "
    "bmasks/CLIP/00001.jpg",
    taken="the first 40, one after the other",
    masks="every frame",
    read=read,
    hub="LIMinghan/FiVE-Fine-Grained-Video-Editing-Benchmark",
)
