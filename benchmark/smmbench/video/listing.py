"""List the videos of a folder, in the same way for all commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ENDINGS = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})
"""Possible endings of a video's name; only reading it shows whether the file is valid."""
IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg"})


def is_hidden(path: Path) -> bool:
    """Whether a name begins with a dot, like `._walk.mp4`, which macOS writes on other disks."""
    return path.name.startswith(".")


def is_image_folder(path: Path) -> bool:
    """Whether a folder contains images of its own, and so may be a video."""
    return path.is_dir() and any(
        not is_hidden(inner) and inner.suffix.lower() in IMAGE_ENDINGS for inner in path.iterdir()
    )


def is_video(path: Path) -> bool:
    """Whether this may be a video: a file with one of `ENDINGS`, or a folder of images."""
    if is_hidden(path):
        return False
    return is_image_folder(path) or (path.suffix.lower() in ENDINGS and path.is_file())


def name_of(path: Path) -> str:
    """Name without a video's ending; any other dot is part of the name."""
    return path.stem if path.suffix.lower() in ENDINGS and not path.is_dir() else path.name


def find_videos(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the videos of a folder by name, without their endings.

    Links are followed. Hidden files and files that are not videos are ignored.

    Raises:
        ValueError: There is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"No folder '{folder}'.")
    for path in sorted(folder.iterdir()):
        if is_video(path):
            yield name_of(path), path
