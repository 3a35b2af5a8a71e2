"""What a board is to leave behind for the eye: contact sheets, a few videos, rows, as few files.

Clips are taken by their place in the dataset, never by what came of them.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from smmbench.contact_sheet.rows import Choice, Pair, chosen_results, sheet_rows
from smmbench.contact_sheet.sheet import contact_sheet
from smmbench.dataset import Dataset
from smmbench.results import VIDEO, Request, result_folder
from smmbench.storage.atomic import atomic_path

EVERY = 4  # clips between those that are shown
COLUMNS, TILE = 8, 96  # frames of a row, and their width in pixels
SHEET_BYTES = 1_500_000
VIDEOS = 6  # pairs of each method whose videos are kept
VIDEOS_BYTES, TARS = 15 * 2**20, 2  # of one tar file, and how many there may be


def shown_pairs(dataset: Dataset) -> list[Pair]:
    """The first edit of every fourth clip."""
    manifest = dataset.manifest
    return [(manifest.name, clip.name, clip.edits[0].name) for clip in manifest.clips[::EVERY]]


def sheet(results: Path, dataset: Dataset, label: str, seed: int) -> bytes:
    """A method's outputs below their sources, as JPEG.

    Raises:
        ValueError, LookupError: There are no results of the method with this seed.
    """
    choice = Choice(seeds=(seed,), methods=(label,))
    found = chosen_results(results / label, dataset, choice)
    rows = list(sheet_rows(found, shown_pairs(dataset), dataset, choice, COLUMNS))
    return small_jpeg(contact_sheet(rows, COLUMNS, TILE), SHEET_BYTES)


def small_jpeg(image: Image.Image, limit: int) -> bytes:
    """An image as JPEG of at most so many bytes, if need be in a lower quality or at half size."""
    for quality in (88, 75, 60, 45):
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    return small_jpeg(image.resize((image.width // 2, image.height // 2)), limit)


def write_sheets(
    path: Path, results: Path, dataset: Dataset, labels: Sequence[str], seed: int
) -> list[str]:
    """One sheet a method into a tar file; labels that have none."""
    missing = []
    with atomic_path(path) as temporary, tarfile.open(temporary, "w") as tar:
        for label in labels:
            try:
                _add(tar, f"{label}.jpg", sheet(results, dataset, label, seed))
            except (ValueError, LookupError):
                missing.append(label)
    return missing


def write_videos(
    folder: Path, results: Path, dataset: Dataset, labels: Sequence[str], seed: int
) -> int:
    """The lossless videos of the first shown pairs of each method, as videos-1.tar and so on.

    Returns:
        How many pairs a method: as many as fit, the same of all.
    """
    pairs = shown_pairs(dataset)[:VIDEOS]
    videos = [[_video(results, dataset, label, pair, seed) for label in labels] for pair in pairs]
    there = [[video for video in of_pair if video.is_file()] for of_pair in videos]
    parts = in_parts([sum(_size(video) for video in some) for some in there], VIDEOS_BYTES, TARS)
    for number, part in enumerate(parts, start=1):
        path = folder / f"videos-{number}.tar"
        with atomic_path(path) as temporary, tarfile.open(temporary, "w") as tar:
            for video in (video for place in part for video in there[place]):
                _add(tar, video.relative_to(results).as_posix(), video.read_bytes())
    return sum(len(part) for part in parts)


def in_parts(sizes: Sequence[int], limit: int, parts: int) -> list[list[int]]:
    """Places of sizes, in order, in at most so many parts whose sums stay below a limit.

    What does not fit, and all after it, is left out.
    """
    filled: list[list[int]] = [[]]
    for place, size in enumerate(sizes):
        if size > limit:
            break
        if sum(sizes[other] for other in filled[-1]) + size > limit:
            if len(filled) == parts:
                break
            filled.append([])
        filled[-1].append(place)
    return filled


def write_rows(path: Path, parts: Iterable[Path]) -> None:
    """Files of JSON lines as one, gzipped."""
    text = "".join(part.read_text("utf-8") for part in parts)
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_folder(path: Path, folder: Path) -> None:
    """A folder as a gzipped tar file."""
    with atomic_path(path) as temporary, tarfile.open(temporary, "w:gz") as tar:
        tar.add(folder, folder.name)


def _video(results: Path, dataset: Dataset, label: str, pair: Pair, seed: int) -> Path:
    name, clip, edit = pair
    version = dataset.manifest.version
    request = Request(
        method=label, dataset=name, dataset_version=version, clip=clip, edit=edit, seed=seed
    )
    return result_folder(results, request) / VIDEO


def _size(video: Path) -> int:
    return video.stat().st_size + 1024  # the tar file's header, and its filling up to 512 bytes


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))
