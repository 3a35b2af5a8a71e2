"""LOVEU-TGVE 2023: the text-guided video editing competition of CVPR 2023 (Wu et al.)."""

from __future__ import annotations

from pathlib import Path

from smmbench.dataset.prompt_files import Asked
from smmbench.dataset.writing import About, Place
from smmbench.plugins import no_such
from smmbench.public_sets.public_set import Entry, PublicSet, named_once, no_copy
from smmbench.storage.text import read_table
from smmbench.video.listing import find_videos

TABLE = "LOVEU-TGVE-2023_Dataset.csv"
CLIP, CAPTION = "Video name", "Our GT caption"
EDITS = {
    "Style Change Caption": "style",
    "Object Change Caption": "object",
    "Background Change Caption": "background",
    "Multiple Changes Caption": "multiple",
}
KINDS = {"object": "object", "background": "scene", "multiple": "both"}
PARTS = ("DAVIS_480p", "youtube_480p", "videvo_480p")


def read(folder: Path, prompts: Path | None = None) -> dict[str, Entry]:
    """Read the table of the set, and find the video or the folder of frames of each clip.

    Rows without a caption are headings of a part and are left out.

    Raises:
        ValueError: It is not a copy of the set; the message says what is wrong.
    """
    path = prompts or folder / TABLE
    if not path.is_file():
        raise no_copy(folder, LOVEU.about.title, TABLE, LOVEU.layout)
    present = _present(folder)
    found: list[tuple[str, Entry]] = []
    for row in read_table(path, (CLIP, CAPTION, *EDITS)):
        clip, caption = row.values[CLIP], row.values[CAPTION]
        if not clip or not caption:
            continue
        edits = {name: row.values[column] for column, name in EDITS.items()}
        if clip in dict(found) or not all(edits.values()):
            raise ValueError(
                f"'{path}', line {row.line}: clip '{clip}' occurs twice or lacks a prompt."
            )
        if clip not in present:
            raise ValueError(f"'{folder}': {no_such('clip', clip, sorted(present))}")
        found.append((clip, Entry(Asked(caption, edits, KINDS), Place(present[clip]))))
    return named_once(found, path)


def _present(folder: Path) -> dict[str, Path]:
    """Videos, and folders of frames, by the clip's name."""
    present: dict[str, Path] = {}
    for part in PARTS:
        for kind in ("480p_frames", "480p_videos"):  # a video is preferred to its frames
            if (folder / part / kind).is_dir():
                present |= dict(find_videos(folder / part / kind))
    return present


LOVEU = PublicSet(
    about=About(
        name="loveu-tgve",
        title="LOVEU-TGVE 2023",
        licence="terms of the LOVEU-TGVE 2023 data (DAVIS, YouTube, Videvo)",
        attribution="Wu et al., CVPR 2023 Text Guided Video Editing Competition",
        description="Clips with four target prompts each: style, object, background, all three.",
        citation="Wu et al., CVPR 2023 Text Guided Video Editing Competition",
        home="https://sites.google.com/view/loveucvpr23/track4",
    ),
    frames=24,
    width=480,
    height=480,
    fps=8.0,
    layout=f"{TABLE} and PART/480p_videos/CLIP.mp4 or PART/480p_frames/CLIP/",
    taken="the first 24 of a folder; at 8 a second of a video",
    masks="none published",
    read=read,
)
