"""MoveBench, the motion-control benchmark of Wan-Move (Chu et al., NeurIPS 2025).

It asks for a clip to be generated from its first frame, its caption and tracks. Here the caption is
the target prompt and the clip is the source. Its tracks come from a tracker and are not ground
truth, and its masks cover only the first frame; neither is used.
"""

from __future__ import annotations

from pathlib import Path

from smmbench.dataset.prompt_files import Asked
from smmbench.dataset.writing import About, Place
from smmbench.plugins import no_such
from smmbench.public_sets.public_set import Entry, PublicSet, legal_name, named_once, no_copy
from smmbench.storage.text import read_text
from smmbench.video.listing import find_videos

LANGUAGE = "en"
LIST = "single_track.txt"
EDIT = "caption"


def read(folder: Path, prompts: Path | None = None) -> dict[str, Entry]:
    """Read the list of captions, and find the video of each.

    Raises:
        ValueError: It is not a copy of the set, or a clip is missing; the message names it.
    """
    root = folder if (folder / LIST).is_file() else folder / LANGUAGE
    path = prompts or root / LIST
    if not path.is_file():
        raise no_copy(folder, MOVEBENCH.about.title, f"{LANGUAGE}/{LIST}", MOVEBENCH.layout)
    videos = root / "video"
    if not videos.is_dir():
        raise no_copy(folder, MOVEBENCH.about.title, f"{LANGUAGE}/video", MOVEBENCH.layout)
    present = dict(find_videos(videos))
    found: list[tuple[str, Entry]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        file, comma, caption = line.partition(",")
        clip = Path(file.strip()).stem
        if not comma or not caption.strip():
            raise ValueError(f"'{path}', line {number}: it must be VIDEO,CAPTION.")
        if clip not in present:
            raise ValueError(f"'{videos}': {no_such('clip', clip, sorted(present))}")
        said = " ".join(caption.split()).strip('"')
        tags = (legal_name(clip).removeprefix("pexels_").rpartition("_")[0],)
        asked = Asked(said, {EDIT: said}, tags=tuple(filter(None, tags)))
        found.append((clip, Entry(asked, Place(present[clip]))))
    return named_once(found, path)


MOVEBENCH = PublicSet(
    about=About(
        name="movebench",
        title="MoveBench (Wan-Move)",
        licence="MIT; clips under the licence of Pexels",
        attribution="MoveBench by Chu et al.; clips of Pexels",
        description="1018 clips of five seconds in 54 categories; the caption is the prompt.",
        citation="Chu et al., Wan-Move: Motion-controllable Video Generation via Latent "
        "Trajectory Guidance, NeurIPS 2025",
        home="https://wan-move.github.io",
    ),
    frames=81,
    width=832,
    height=480,
    fps=16.0,
    layout=f"{LANGUAGE}/{LIST} and {LANGUAGE}/video/CLIP.mp4",
    taken="81 at 16 a second",
    masks="of the first frame alone; not taken",
    read=read,
    hub="Ruihang/MoveBench",
    revision="857bc908ed6752c868a78d590bd8564f79be9cc1",
)
