"""TDVE-DB: 3,857 edited videos of 12 methods with people's mean ratings in three dimensions.

Wang et al., TDVE-Assessor, NeurIPS 2025 (arXiv 2505.19535). Ratings are read from the JSON files of
the authors' repository (JuntongWang/TDVE-Assessor, folder `stage2_dataset`): in each entry,
`videos` is a path that ends in `CATEGORY/edit_video/METHOD/NUMBER.mp4`, and the last message ends
with the mean rating in brackets. Videos are located as its README shows, at
`TDVE-DB/CATEGORY/edit_video/METHOD/NUMBER.mp4`.

The location of the sources is not documented in public. A folder next to `edit_video` that contains
`NUMBER.mp4` is assumed to be that of the sources, and videos with the same number, in any category,
are assumed to be edits of the same source: intervals are over numbers.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from smmbench.graded.natural import load_whole, protocol_for
from smmbench.graded.types import Dimension, Graded, GradedSource, GradedVideo, Order
from smmbench.storage.text import read_text

Part = Literal["test", "train", "all"]

RATINGS, VIDEOS, EDITED = "stage2_dataset", "TDVE-DB", "edit_video"
FILES: Mapping[Dimension, tuple[str, str]] = {
    "quality": ("video_quality_train_mos.json", "video_quality_test_mos.json"),
    "alignment": ("text_train.json", "text_test.json"),
    "structure": ("feel_train.json", "feel_test.json"),
}
PROMPTS = FILES["alignment"]
REPOSITORY = "https://github.com/JuntongWang/TDVE-Assessor"
HUB = "Moyao001/TDVE-DB"

_RATING = re.compile(r"\((\d+(?:\.\d+)?)\)\s*$")
_PROMPT = re.compile(r"\bprompt:\s*(.+)$", re.DOTALL)


@dataclass(frozen=True, order=True)
class Place:
    """Identifies an edited video by the end of its path."""

    category: str
    number: str
    method: str


def looks_like(folder: Path) -> bool:
    """Whether a folder has the ratings or the videos of TDVE-DB."""
    return (folder / RATINGS).is_dir() or (folder / VIDEOS).is_dir()


def read_tdve_db(
    folder: Path, dimension: Dimension, part: Part = "test", limit: int | None = None
) -> Graded:
    """Read ratings, prompts and videos of TDVE-DB.

    Args:
        folder: Folder with `stage2_dataset` and the videos, which are in `TDVE-DB` or next to it.
        dimension: What people rated: quality of the video, alignment with the prompt, or
            consistency of structure with the source.
        part: The authors' test split (a fifth), their training split, or both.
        limit: Maximum number of prompts; None for all.

    Raises:
        ValueError: A file of ratings is missing or invalid, or a video is missing.
    """
    ratings = dict(_ratings(folder, dimension, part))
    prompts = dict(_prompts(folder))
    groups: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in sorted(ratings):
        groups[place.category, place.number].append(place)
    videos = folder / VIDEOS if (folder / VIDEOS).is_dir() else folder
    chosen = list(groups.values())[:limit]
    sources = tuple(_source(videos, places, ratings, prompts) for places in chosen)
    if not any(one.orders for one in sources):
        raise ValueError(f"'{folder}': no two videos of one prompt have different ratings.")
    unknown = sum(one.load is None for one in sources)
    notes = [
        f"People rated {dimension}; {part} split, {sum(len(s.videos) for s in sources)} videos."
    ]
    if unknown:
        notes.append(
            f"{unknown} of {len(sources)} sources are missing, so metrics that compare with "
            "the source have no number there."
        )
    return Graded("tdve-db", "ratings", sources, notes=tuple(notes))


def _ratings(folder: Path, dimension: Dimension, part: Part) -> Iterator[tuple[Place, float]]:
    train, test = FILES[dimension]
    for name in {"test": [test], "train": [train], "all": [train, test]}[part]:
        path = folder / RATINGS / name
        for number, entry in enumerate(_entries(path), start=1):
            found = _RATING.search(_said(entry, "assistant"))
            if not found:
                raise ValueError(
                    f"'{path}', entry {number}: the answer must end in a rating in brackets, such "
                    f"as 'fair(65.33)', got '{_said(entry, 'assistant')[:80]}'. The files of "
                    "stage1_dataset contain only words."
                )
            yield _place(path, number, entry), float(found.group(1))


def _prompts(folder: Path) -> Iterator[tuple[Place, str]]:
    for name in PROMPTS:
        path = folder / RATINGS / name
        for number, entry in enumerate(_entries(path), start=1):
            found = _PROMPT.search(_said(entry, "user"))
            yield _place(path, number, entry), found.group(1).strip() if found else ""


def _entries(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ValueError(
            f"'{path}' is missing. TDVE-DB's ratings are in the folder '{RATINGS}' of "
            f"{REPOSITORY}; its videos are fetched, into the same folder, by `hf download {HUB} "
            f"--repo-type dataset --local-dir {VIDEOS}`."
        )
    try:
        entries = json.loads(read_text(path))
    except ValueError as error:
        raise ValueError(f"'{path}' is not JSON: {error}") from error
    if not (isinstance(entries, list) and all(isinstance(one, dict) for one in entries)):
        raise ValueError(f"'{path}' must contain a list of entries, as in {REPOSITORY}.")
    return entries


def _said(entry: dict[str, Any], role: str) -> str:
    """The last message of a role; empty if the entry has another form."""
    messages = entry.get("messages")
    said = [
        one.get("content")
        for one in (messages if isinstance(messages, list) else [])
        if isinstance(one, dict) and one.get("role") == role
    ]
    return said[-1] if said and isinstance(said[-1], str) else ""


def _place(path: Path, number: int, entry: dict[str, Any]) -> Place:
    video = entry.get("videos")
    parts = PurePosixPath(video if isinstance(video, str) else "").parts[-4:]
    if len(parts) < 4 or parts[1] != EDITED or not parts[3].endswith(".mp4"):
        raise ValueError(
            f"'{path}', entry {number}: 'videos' must end in CATEGORY/{EDITED}/METHOD/NUMBER.mp4, "
            f"got {video!r}."
        )
    return Place(parts[0], parts[3].removesuffix(".mp4"), parts[2])


def _source(
    videos: Path,
    places: list[Place],
    ratings: Mapping[Place, float],
    prompts: Mapping[Place, str],
) -> GradedSource:
    """All edits with one prompt: a category and a number."""
    category, number = places[0].category, places[0].number
    paths = {one: videos / category / EDITED / one.method / f"{number}.mp4" for one in places}
    if missing := [path for path in paths.values() if not path.is_file()]:
        raise ValueError(
            f"'{missing[0]}' is missing, which people rated. TDVE-DB's videos are fetched by "
            f"`hf download {HUB} --repo-type dataset --local-dir {VIDEOS}`; each lies at "
            f"CATEGORY/{EDITED}/METHOD/NUMBER.mp4."
        )
    source = _source_video(videos / category, number)
    protocol = protocol_for(source or paths[places[0]])
    name = re.sub(r"[^a-z0-9._-]", "-", f"{category}-{number}".lower())[:64]
    return GradedSource(
        name,
        number,
        protocol,
        partial(load_whole, source, protocol) if source else None,
        {
            one.method: GradedVideo(
                prompts.get(one, ""), partial(load_whole, path, protocol), ratings[one]
            )
            for one, path in paths.items()
        },
        tuple(_orders({one.method: ratings[one] for one in places}, category)),
    )


def _source_video(category: Path, number: str) -> Path | None:
    """The video with this number in a folder next to the edited ones; None if it is missing.

    Raises:
        ValueError: Two folders contain one.
    """
    found = sorted(
        folder / f"{number}.mp4"
        for folder in category.iterdir()
        if folder.is_dir() and folder.name != EDITED and (folder / f"{number}.mp4").is_file()
    )
    if len(found) > 1:
        raise ValueError(
            f"'{found[0]}' and '{found[1]}': which is the source? Next to '{EDITED}', one folder "
            "may contain videos with that number."
        )
    return found[0] if found else None


def _orders(ratings: Mapping[str, float], category: str) -> Iterator[Order]:
    for one, other in combinations(sorted(ratings), 2):
        if ratings[one] != ratings[other]:
            better, worse = (one, other) if ratings[one] > ratings[other] else (other, one)
            yield Order(better, worse, category)
