"""DiTFlow's 50 clips of DAVIS: three prompts each, and 24 frames of a stated range.

Pondaven et al., Video Motion Transfer with Diffusion Transformers, CVPR 2025. The prompts and the
ranges are in a script of the paper's page (`supp/assets/prompts.js`), the clips in a copy of
DAVIS 2017 at 480p, with the sets TrainVal and Test-Dev together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smmbench.dataset.prompt_files import Asked
from smmbench.dataset.writing import About, Place
from smmbench.plugins import no_such
from smmbench.public_sets.public_set import Entry, PublicSet, no_copy
from smmbench.storage.text import read_text
from smmbench.video.listing import is_image_folder

LEVELS = {"easy": "caption", "medium": "subject", "hard": "scene"}
"""Names of the prompts in the script and here: what the clip shows, a new subject, a new scene."""
RANGE = "frame_range"
FRAMES = 24
IMAGES = Path("JPEGImages") / "480p"
MASKS = Path("Annotations") / "480p"

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|,(?=\s*[}\]])""", re.DOTALL
)


@dataclass(frozen=True)
class Prompts:
    """The entry of one clip in the page's script.

    Attributes:
        asked: Caption and edits.
        start: First frame, counted from 0.
        step: Every `step`-th frame is used.
    """

    asked: Asked
    start: int = 0
    step: int = 1


def read_prompts(path: Path) -> dict[str, Prompts]:
    """Read the page's script, which is parsed as data and never executed.

    Raises:
        ValueError: It is not such a script; the message says what is wrong.
    """
    text = read_text(path)
    body = text[text.find("{") : text.rfind("}") + 1]
    try:
        content = json.loads(_TOKEN.sub(_as_json, body))
    except json.JSONDecodeError as error:
        raise ValueError(f"'{path}' is not DiTFlow's prompts.js: {error}.") from error
    found: dict[str, Prompts] = {}
    for clip, said in content.items():
        if not isinstance(said, dict) or set(said) - {RANGE} != set(LEVELS):
            raise ValueError(f"'{path}': clip '{clip}' must have {', '.join(LEVELS)}.")
        edits = {LEVELS[level]: str(said[level]).strip() for level in LEVELS}
        kinds = {"subject": "object", "scene": "both"}
        asked = Asked(edits["caption"], edits, kinds)
        found[clip] = Prompts(asked, *_range(str(said.get(RANGE, "[0, 24, 1]")), clip, path))
    if not found:
        raise ValueError(f"'{path}' has no prompts.")
    return found


def read(davis: Path, prompts: Path | None) -> dict[str, Entry]:
    """Find the frames and masks of each clip that has prompts in a copy of DAVIS.

    Raises:
        ValueError: It is not a copy of DAVIS at 480p, or lacks a clip; the message names them.
    """
    if prompts is None:
        raise ValueError(f"ditflow needs --prompts: {DITFLOW.prompts}.")
    return entries(davis, read_prompts(prompts))


def entries(davis: Path, prompts: Mapping[str, Prompts]) -> dict[str, Entry]:
    """Clips of DAVIS by their names, with the prompts for each.

    Raises:
        ValueError: As in `read`.
    """
    folder = davis / IMAGES
    if not folder.is_dir():
        raise no_copy(davis, "DAVIS", IMAGES.as_posix(), DITFLOW.layout)
    present = sorted(path.name for path in folder.iterdir() if is_image_folder(path))
    lacking = [clip for clip in prompts if clip not in present]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ValueError(
            f"'{folder}': {no_such('clip', lacking[0], present)}{more} Clips are in two archives, "
            "TrainVal and Test-Dev of 2017, at 480p; unpack both into one folder."
        )
    found: dict[str, Entry] = {}
    for clip, said in prompts.items():
        masks = davis / MASKS / clip
        place = Place(
            folder / clip, said.start, said.step, masks if is_image_folder(masks) else None
        )
        found[clip] = Entry(said.asked, place)
    return found


def _range(text: str, clip: str, path: Path) -> tuple[int, int]:
    """Start and step of a range `[start, end, step]` of `FRAMES` frames."""
    match = re.fullmatch(r"\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]\s*", text)
    start, end, step = map(int, match.groups()) if match else (0, 0, 0)
    if step < 1 or len(range(start, end, step)) < FRAMES:
        raise ValueError(
            f"'{path}': the range '{text}' of clip '{clip}' is not [start, end, step] of "
            f"{FRAMES} frames."
        )
    return start, step


def _as_json(match: re.Match[str]) -> str:
    """A string in JSON's quotes; nothing for a comment or a comma before a bracket."""
    single, double = match[1], match[2]
    said: Any = single if single is not None else double
    if said is None:
        return ""
    return json.dumps(re.sub(r"\\(.)", r"\1", said))


DITFLOW = PublicSet(
    about=About(
        name="ditflow-davis",
        title="DiTFlow's prompts on DAVIS",
        licence="clips: terms of DAVIS 2017; prompts: CC BY-SA 4.0",
        attribution="DAVIS 2017 (Pont-Tuset et al.); prompts by Pondaven et al.",
        description="50 clips of DAVIS with three target prompts each: what the clip shows, a new "
        "subject, a new subject in a new scene.",
        citation="Pondaven et al., Video Motion Transfer with Diffusion Transformers, CVPR 2025",
        home="https://ditflow.github.io",
    ),
    frames=FRAMES,
    width=720,
    height=480,
    fps=8.0,
    layout="JPEGImages/480p/CLIP/00000.jpg and Annotations/480p/CLIP/00000.png",
    taken="24 by the stated range [start, end, step]",
    masks="every frame, where the copy has annotations (Test-Dev has none)",
    read=read,
    prompts="supp/assets/prompts.js of ditflow.github.io",
)
