"""Sets that papers report on, read from local copies in the layouts that are public.

Nothing is redistributed: prompts and clips stay where they are, and the manifest that is written
beside them has their hashes.

- `ditflow`: Pondaven et al., Video Motion Transfer with Diffusion Transformers, CVPR 2025. The
  prompts are a script of the paper's page (`supp/assets/prompts.js` of `ditflow.github.io`, CC
  BY-SA 4.0), the clips those of a copy of DAVIS 2017 (`JPEGImages/480p/<clip>/00000.jpg`).
- `loveu-tgve`: Wu et al., CVPR 2023 Text Guided Video Editing Competition. One folder holds
  `LOVEU-TGVE-2023_Dataset.csv` and, for each of three parts, `<part>/480p_videos/<clip>.mp4` or
  `<part>/480p_frames/<clip>/`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from smmbench.dataset.writing import About, Asked
from smmbench.plugins import no_such
from smmbench.storage.text import read_table, read_text
from smmbench.video.listing import find_videos, is_image_folder

LEVELS = {"easy": "caption", "medium": "subject", "hard": "scene"}
"""Names of the prompts there and here: what the clip shows, a new subject, a new scene."""

FRAMES = Path("JPEGImages") / "480p"

DITFLOW = About(
    name="ditflow-davis",
    title="DiTFlow's prompts on DAVIS",
    licence="clips: terms of DAVIS 2017; prompts: CC BY-SA 4.0",
    attribution="DAVIS 2017 (Pont-Tuset et al.); prompts by Pondaven et al.",
)

LOVEU = About(
    name="loveu-tgve",
    title="LOVEU-TGVE 2023",
    licence="terms of the LOVEU-TGVE 2023 data (DAVIS, YouTube, Videvo)",
    attribution="Wu et al., CVPR 2023 Text Guided Video Editing Competition",
)
LOVEU_TABLE = "LOVEU-TGVE-2023_Dataset.csv"
LOVEU_CLIP, LOVEU_CAPTION = "Video name", "Our GT caption"
LOVEU_EDITS = {
    "Style Change Caption": "style",
    "Object Change Caption": "object",
    "Background Change Caption": "background",
    "Multiple Changes Caption": "multiple",
}
LOVEU_PARTS = ("DAVIS_480p", "youtube_480p", "videvo_480p")

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


def read_loveu_prompts(folder: Path) -> dict[str, Asked]:
    """Read the table of the set; rows without a caption head a part and are left out.

    Raises:
        ValueError: It is no such table; the message says what is wrong.
    """
    path = folder / LOVEU_TABLE
    if not path.is_file():
        raise ValueError(f"'{folder}' is no copy of LOVEU-TGVE 2023: it has no '{LOVEU_TABLE}'.")
    found: dict[str, Asked] = {}
    for row in read_table(path, (LOVEU_CLIP, LOVEU_CAPTION, *LOVEU_EDITS)):
        clip, caption = row.values[LOVEU_CLIP], row.values[LOVEU_CAPTION]
        if not clip or not caption:
            continue
        edits = {name: row.values[column] for column, name in LOVEU_EDITS.items()}
        if clip in found or not all(edits.values()):
            raise ValueError(
                f"'{path}', line {row.line}: clip '{clip}' is there twice or lacks a prompt."
            )
        found[clip] = Asked(caption, edits)
    if not found:
        raise ValueError(f"'{path}' has no clips.")
    return found


def loveu_clips(folder: Path, prompts: dict[str, Asked]) -> dict[str, Path]:
    """Find the video, or the folder of frames, of each clip.

    Raises:
        ValueError: A clip is in none of the parts; the message names it.
    """
    present: dict[str, Path] = {}
    for part in LOVEU_PARTS:
        for kind in ("480p_frames", "480p_videos"):  # a video goes before its frames
            if (folder / part / kind).is_dir():
                present |= dict(find_videos(folder / part / kind))
    for clip in prompts:
        if clip not in present:
            raise ValueError(f"'{folder}': {no_such('clip', clip, sorted(present))}")
    return {clip: present[clip] for clip in prompts}


def _as_json(match: re.Match[str]) -> str:
    """A string in JSON's quotes; nothing for a comment or a comma before a bracket."""
    single, double = match[1], match[2]
    said: Any = single if single is not None else double
    if said is None:
        return ""
    return json.dumps(re.sub(r"\\(.)", r"\1", said))
