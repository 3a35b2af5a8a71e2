"""Find graded videos by the name that a user gives."""

from __future__ import annotations

from pathlib import Path

from smmbench.graded import simmotion, tdve_db
from smmbench.graded.types import Dimension, Graded
from smmbench.plugins import load_offered, offered

GROUP = "smmbench.graded"  # name = a function of the number of clips that gives `Graded`


def find_graded(
    data: str,
    dimension: Dimension = "structure",
    part: tdve_db.Part = "test",
    limit: int | None = None,
) -> Graded:
    """Find graded videos by the user's name for them.

    Args:
        data: A world with known motion, such as `emoji`; or a folder in the layout of
            SimMotion or of TDVE-DB.
        dimension: For ratings: the rated dimension.
        part: For ratings: the split of their authors.
        limit: Maximum number of sources per family of motion or category, or of prompts.

    Raises:
        ValueError: It is not one of these, or its files are invalid; the message says
            what is possible.
    """
    if data in offered(GROUP):
        made: Graded = load_offered(GROUP, data, "world of known motion")(limit)
        return made
    folder = Path(data).expanduser()
    if folder.is_dir() and simmotion.looks_like(folder):
        return simmotion.read_simmotion(folder, limit)
    if folder.is_dir() and tdve_db.looks_like(folder):
        return tdve_db.read_tdve_db(folder, dimension, part, limit)
    what = "is a folder of another layout" if folder.is_dir() else "does not exist"
    raise ValueError(
        f"'{data}' {what}. A metric is validated with a CSV file of choices or ratings; a world "
        f"with known motion ({', '.join(offered(GROUP)) or 'none is installed'}); a "
        f"folder of SimMotion (with {', '.join(simmotion.CATEGORIES)}, or with {simmotion.REAL}); "
        f"or a folder of TDVE-DB (with {tdve_db.RATINGS} and {tdve_db.VIDEOS})."
    )
