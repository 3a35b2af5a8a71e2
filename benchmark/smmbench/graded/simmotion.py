"""SimMotion's triplets: a reference, a video with the same motion, and one with another motion.

Huberman et al., SemanticMoments, arXiv 2602.09146. The layout is the one that the authors' loader
reads (saarhub/semantic-moments, `datasets.py`): `CATEGORY/EXAMPLE_N/` of SimMotion-Synthetic and
`examples/EXAMPLE_N/` of SimMotion-Real, each with `ref.mp4`, `positive.mp4` and `negative.mp4`. The
videos are licensed for research only and are never downloaded by this code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from smmbench.graded.natural import load_whole, protocol_for
from smmbench.graded.types import Graded, GradedSource, GradedVideo, Order

CATEGORIES = ("static_object", "dynamic_attribute", "dynamic_object", "view", "scene_style")
REAL = "examples"
FILES = ("ref.mp4", "positive.mp4", "negative.mp4")
COUNTS = {"simmotion-synthetic": 250, "simmotion-real": 40}
REPOSITORIES = {
    "simmotion-synthetic": "Shuberman/SimMotion-Synthetic",
    "simmotion-real": "Shuberman/SimMotion-Real",
}


def looks_like(folder: Path) -> bool:
    """Whether a folder has a category of SimMotion-Synthetic or the examples of SimMotion-Real."""
    return any((folder / name).is_dir() for name in (*CATEGORIES, REAL))


def read_simmotion(folder: Path, limit: int | None = None) -> Graded:
    """Read the triplets of a folder in the layout of SimMotion-Synthetic or SimMotion-Real.

    Args:
        folder: The user's copy.
        limit: Maximum number of triplets per category; None for all.

    Raises:
        ValueError: It contains both layouts or no triplet, or an example lacks one of its videos.
    """
    categories = [name for name in CATEGORIES if (folder / name).is_dir()]
    if categories and (folder / REAL).is_dir():
        raise ValueError(
            f"'{folder}' has both '{REAL}' and '{categories[0]}': SimMotion-Real and "
            "SimMotion-Synthetic are two sets. Name the folder of one of them."
        )
    name = "simmotion-synthetic" if categories else "simmotion-real"
    sources = [one for kind in categories or [REAL] for one in _triplets(folder / kind, limit)]
    if not sources:
        raise ValueError(f"'{folder}' has no triplet: no folder with {', '.join(FILES)}.")
    notes = []
    if len(sources) < COUNTS[name]:
        notes.append(f"These are {len(sources)} of the {COUNTS[name]} triplets of {name}.")
    return Graded(
        name,
        "triplets",
        tuple(sources),
        positive="positive",
        negatives=("negative",),
        controls=("negative",),
        notes=tuple(notes),
    )


def _triplets(category: Path, limit: int | None) -> Iterator[GradedSource]:
    folders = (one for one in category.iterdir() if one.is_dir() and one.name[0] != ".")
    for folder in sorted(folders, key=lambda one: _number(one.name))[:limit]:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ValueError(
                f"'{folder}' lacks {', '.join(missing)}: a triplet has {', '.join(FILES)}. Fetch "
                f"the set again (`hf download {_repository(category)} --repo-type dataset`)."
            )
        yield _triplet(folder, "real" if category.name == REAL else category.name)


def _triplet(folder: Path, category: str) -> GradedSource:
    name = re.sub(r"[^a-z0-9._-]", "-", f"{category}-{folder.name}".lower())[:64]
    protocol = protocol_for(folder / FILES[0])
    of = {path.stem: partial(load_whole, path, protocol) for path in map(folder.joinpath, FILES)}
    return GradedSource(
        name,
        name,
        protocol,
        of["ref"],
        {key: GradedVideo("", of[key]) for key in ("positive", "negative")},
        (Order("positive", "negative", category),),
    )


def _number(name: str) -> tuple[int, str]:
    """Sort key by the number at the end of a name, as in the authors' loader."""
    found = re.search(r"(\d+)$", name)
    return (int(found.group(1)) if found else 0, name)


def _repository(category: Path) -> str:
    return REPOSITORIES["simmotion-real" if category.name == REAL else "simmotion-synthetic"]
