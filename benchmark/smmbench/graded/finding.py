"""From what a user names to graded videos."""

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
    """Find graded videos by what the user names.

    Args:
        data: A world whose true motion is known, such as `emoji`; or a folder in the layout of
            SimMotion or of TDVE-DB.
        dimension: Of ratings: which of them.
        part: Of ratings: which split of their authors.
        limit: Fewer sources: of each family of motion, of each category, or prompts.

    Raises:
        ValueError: It is none of these, or its files are not what they must be; the message says
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
    what = "is a folder of another layout" if folder.is_dir() else "is not there"
    raise ValueError(
        f"'{data}' {what}. A metric is held against a CSV file of choices or ratings; a world "
        f"whose true motion is known ({', '.join(offered(GROUP)) or 'none is installed'}); a "
        f"folder of SimMotion (with {', '.join(simmotion.CATEGORIES)}, or with {simmotion.REAL}); "
        f"or a folder of TDVE-DB (with {tdve_db.RATINGS} and {tdve_db.VIDEOS})."
    )
