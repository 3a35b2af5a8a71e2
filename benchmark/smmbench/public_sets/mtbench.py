"""MTBench, the motion-transfer benchmark of DeT (Shi et al., ICCV 2025).

A folder for each clip, below `MTBench_easy`, `MTBench_medium` and `MTBench_hard` or side by side;
the evaluation code of DeT reads the same files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smmbench.dataset.prompt_files import Asked, slug
from smmbench.dataset.writing import About, Place
from smmbench.public_sets.public_set import Entry, PublicSet, named_once, no_copy
from smmbench.storage.text import read_text
from smmbench.video.decoding import frame_rate
from smmbench.video.listing import is_image_folder

EDITS = "eval_prompts.txt"
CAPTION = "prompts.txt"
LEVELS = ("easy", "medium", "hard")
PREFIX = "MTBench_"


def read(folder: Path, prompts: Path | None = None) -> dict[str, Entry]:
    """Read the clips of a copy: caption, target prompts, video and masks.

    Raises:
        ValueError: It is not a copy of the set, or a clip lacks a file; the message names it.
    """
    found = [(clip.name, _entry(clip, level)) for level, clip in _clips(folder)]
    if not found:
        raise no_copy(folder, MTBENCH.about.title, f"CLIP/{EDITS}", MTBENCH.layout)
    return named_once(found, folder)


def _clips(folder: Path) -> Iterator[tuple[str, Path]]:
    """Folders of clips with their level, which is empty if the copy does not state it."""
    parts = (folder, *sorted(folder.glob("MTBench*")))  # `MTBench_subset` has the levels itself
    levels = {part / f"{PREFIX}{level}": None for part in parts for level in LEVELS}
    for place in {**dict.fromkeys(parts), **levels}:
        for clip in sorted(place.iterdir()) if place.is_dir() else ():
            if (clip / EDITS).is_file():
                yield _level(place), clip


def _level(folder: Path) -> str:
    level = folder.name.removeprefix(PREFIX)
    return level if level in LEVELS else ""


def _entry(clip: Path, level: str) -> Entry:
    video = clip / "videos" / f"{clip.name}.mp4"
    if not video.is_file():
        raise ValueError(f"'{clip}' has no 'videos/{clip.name}.mp4'.")
    edits: dict[str, str] = {}
    for prompt in _lines(clip / EDITS):
        edits.setdefault(slug(prompt), prompt)
    if not edits:
        raise ValueError(f"'{clip / EDITS}' has no prompts.")
    captions = _lines(clip / CAPTION) if (clip / CAPTION).is_file() else []
    masks = next((at for at in (clip / "masks" / clip.name, clip / "masks") if _has(at)), None)
    rate = frame_rate(video) if masks else None
    asked = Asked(captions[0] if captions else "", edits, tags=(level,) if level else ())
    return Entry(asked, Place(video, masks=masks, masks_fps=rate))


def _has(folder: Path) -> bool:
    return folder.is_dir() and is_image_folder(folder)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"No file '{path}'.")
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


MTBENCH = PublicSet(
    about=About(
        name="mtbench-det",
        title="MTBench (DeT)",
        licence="terms of MTBench on the hub and of the clips' sources",
        attribution="MTBench by Shi et al.; clips of DAVIS and other sources",
        description="Clips of three levels of difficulty, with about five target prompts each.",
        citation="Shi et al., Decouple and Track: Benchmarking and Improving Video Diffusion "
        "Transformers for Motion Transfer, ICCV 2025",
        home="https://shi-qingyu.github.io/DeT.github.io/",
    ),
    frames=49,
    width=720,
    height=480,
    fps=8.0,
    layout=f"[MTBench_LEVEL/]CLIP/videos/CLIP.mp4, CLIP/{EDITS}, CLIP/{CAPTION} and CLIP/masks/",
    taken="49 at 8 a second",
    masks="every frame",
    read=read,
    hub="QingyuShi/MTBench",
)
