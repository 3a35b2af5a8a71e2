"""Locations of results, and the list of existing results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from smmbench.results.files import RECORD, read_record
from smmbench.results.records import Request, RunRecord

VIDEO, PREVIEW = "video.mkv", "preview.mp4"


def method_folder(root: Path, label: str) -> Path:
    """Return the folder of all results of a method, below the results folder `root`."""
    return root / label


def method_folder_of(folder: Path) -> Path:
    """Folder of the method that made a result, from the result's own folder."""
    return folder.absolute().parents[3]


def result_folder(root: Path, request: Request) -> Path:
    """Folder of one result, below the results folder `root`.

    `seed-0`; with another reference than the clip itself `seed-0-reversed`, and so on.
    """
    reference = "" if request.reference == "forward" else f"-{request.reference}"
    return (
        method_folder(root, request.method)
        / request.dataset
        / request.clip
        / request.edit
        / f"seed-{request.seed}{reference}"
    )


def find_records(
    root: Path, unreadable: Callable[[Path, ValueError], None] | None = None
) -> Iterator[tuple[Path, RunRecord]]:
    """Yield every result below `root` with its folder, in the order of the paths.

    Links to folders are followed, each folder once: a method's videos may be on another disk.

    Args:
        root: The results folder, or any folder further down (`results/smm`).
        unreadable: Receives each folder whose record cannot be read, and the reason, so that an
            empty file, or one of another tool, does not stop work on the others. If None, an error
            is raised.

    Raises:
        ValueError: `root` is not a folder, or a record in it cannot be read.
    """
    if not root.is_dir():
        raise ValueError(
            f"No results folder '{root}'. Create one with `smmbench run --method NAME`, "
            "or name another."
        )
    seen: set[Path] = set()
    folders: list[Path] = []
    for place, below, files in os.walk(root, followlinks=True):
        below.sort()
        folder = Path(place)
        if folder.resolve() in seen:
            below.clear()
            continue
        seen.add(folder.resolve())
        if RECORD in files:
            folders.append(folder)
    for folder in sorted(folders):
        try:
            record = read_record(folder)
        except ValueError as error:
            if unreadable is None:
                raise
            unreadable(folder, error)
            continue
        if record is not None:  # None: removed since the folder was listed
            yield folder, record
