"""The set of DiTFlow's paper: 50 clips of DAVIS with three prompts each, from local copies.

The prompts are published as a script of the paper's page (`supp/assets/prompts.js` of
`ditflow.github.io`, CC BY-SA 4.0); the clips are those of a copy of DAVIS 2017 in its own layout
(`JPEGImages/480p/<clip>/00000.jpg`). Neither is redistributed here.

Source: Pondaven et al., Video Motion Transfer with Diffusion Transformers, CVPR 2025.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from smmbench.dataset.writing import About, Asked
from smmbench.plugins import no_such
from smmbench.storage.text import read_text
from smmbench.video.listing import is_image_folder

LEVELS = {"easy": "caption", "medium": "subject", "hard": "scene"}
"""Names of the prompts there and here: what the clip shows, a new subject, a new scene."""

FRAMES = Path("JPEGImages") / "480p"

ABOUT = About(
    name="ditflow-davis",
    title="DiTFlow's prompts on DAVIS",
    licence="clips: terms of DAVIS 2017; prompts: CC BY-SA 4.0",
    attribution="DAVIS 2017 (Pont-Tuset et al.); prompts by Pondaven et al.",
)

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|,(?=\s*[}\]])""", re.DOTALL
)


def read_ditflow_prompts(path: Path) -> dict[str, Asked]:
    """Read the prompts of the page's script; it is parsed as data and never run.

    Raises:
        ValueError: It is no such script; the message says what is wrong.
    """
    text = read_text(path)
    body = text[text.find("{") : text.rfind("}") + 1]
    try:
        content = json.loads(_TOKEN.sub(_as_json, body))
    except json.JSONDecodeError as error:
        raise ValueError(f"'{path}' is not DiTFlow's prompts.js: {error}.") from error
    found: dict[str, Asked] = {}
    for clip, prompts in content.items():
        if not isinstance(prompts, dict) or set(prompts) != set(LEVELS):
            raise ValueError(f"'{path}': clip '{clip}' must have {', '.join(LEVELS)}.")
        edits = {LEVELS[level]: str(prompts[level]).strip() for level in LEVELS}
        found[clip] = Asked(edits["caption"], edits)
    if not found:
        raise ValueError(f"'{path}' has no prompts.")
    return found


def davis_clips(davis: Path, prompts: dict[str, Asked]) -> dict[str, Path]:
    """Find the folder of frames of each clip in a copy of DAVIS.

    Raises:
        ValueError: It is no copy of DAVIS at 480p, or lacks a clip; the message names them.
    """
    folder = davis / FRAMES
    if not folder.is_dir():
        raise ValueError(
            f"'{davis}' is no copy of DAVIS: it has no '{FRAMES.as_posix()}'. Give the folder "
            "that holds JPEGImages/ (the TrainVal set at 480p)."
        )
    present = sorted(path.name for path in folder.iterdir() if is_image_folder(path))
    lacking = [clip for clip in prompts if clip not in present]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ValueError(f"'{folder}': {no_such('clip', lacking[0], present)}{more}")
    return {clip: folder / clip for clip in prompts}


def _as_json(match: re.Match[str]) -> str:
    """A string in JSON's quotes; nothing for a comment or a comma before a bracket."""
    single, double = match[1], match[2]
    said: Any = single if single is not None else double
    if said is None:
        return ""
    return json.dumps(re.sub(r"\\(.)", r"\1", said))
