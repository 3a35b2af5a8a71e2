"""Pack what a board keeps for inspection into few files: contact sheets, some videos, rows.

Clips are chosen by their position in the dataset, never by their results.
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

EVERY = 4  # distance between shown clips
COLUMNS, TILE = 8, 96  # frames of a row, and their width in pixels
SHEET_BYTES = 1_500_000
VIDEOS = 6  # pairs of each method whose videos are kept
VIDEOS_BYTES, TARS = 15 * 2**20, 2  # bytes of a tar file, and maximum number of files


def shown_pairs(dataset: Dataset) -> list[Pair]:
    """Return the first edit of every fourth clip."""
    manifest = dataset.manifest
    return [(manifest.name, clip.name, clip.edits[0].name) for clip in manifest.clips[::EVERY]]


def sheet(results: Path, dataset: Dataset, label: str, seed: int) -> bytes:
    """Draw a method's outputs below their sources, as JPEG.

    Raises:
        ValueError, LookupError: There are no results of the method with this seed.
    """
    choice = Choice(seeds=(seed,), methods=(label,))
    found = chosen_results(results / label, dataset, choice)
    rows = list(sheet_rows(found, shown_pairs(dataset), dataset, choice, COLUMNS))
    return small_jpeg(contact_sheet(rows, COLUMNS, TILE), SHEET_BYTES)


def small_jpeg(image: Image.Image, limit: int) -> bytes:
    """Encode a JPEG of at most `most` bytes, with lower quality or half the size if needed."""
    for quality in (88, 75, 60, 45):
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    return small_jpeg(image.resize((image.width // 2, image.height // 2)), limit)


def write_sheets(
    path: Path, results: Path, dataset: Dataset, labels: Sequence[str], seed: int
) -> list[str]:
    """Write one sheet per method into a tar file; return labels without a sheet."""
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
    """Pack lossless videos of each method's first shown pairs as videos-1.tar and so on.

    Returns:
        Number of pairs per method: as many as fit, equal for all methods.
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
    """Distribute sizes, in order, over a limited number of parts with limited sums.

    The first size that does not fit, and all after it, are left out.
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
    """Join files of JSON lines into one gzipped file."""
    text = "".join(part.read_text("utf-8") for part in parts)
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_folder(path: Path, folder: Path) -> None:
    """Pack a folder as a gzipped tar file."""
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
    return video.stat().st_size + 1024  # header in the tar file, and padding to 512 bytes


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))
