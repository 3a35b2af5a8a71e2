"""Assign the files of a folder to pairs: by name, by a CSV table, or by the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smmbench.dataset import (
    Dataset,
    checked_path,
    clip_named,
    edit_named,
    missing_files,
    pairs,
)
from smmbench.method import Card
from smmbench.method.imported_card import card_of_label
from smmbench.plugins import did_you_mean
from smmbench.storage.text import read_table
from smmbench.video.listing import find_videos, is_image_folder, is_video, name_of

PairName = tuple[str, str]  # names of a clip and of one of its edits


@dataclass(frozen=True)
class Batch:
    """Outputs of one method.

    Attributes:
        label: The method's name on the board.
        card: Its card.
        files: A video, or a folder of numbered images, for each pair that exists.
    """

    label: str
    card: Card
    files: Mapping[PairName, Path]


def find_outputs(dataset: Dataset, folder: Path) -> dict[PairName, Path]:
    """Find outputs by name: `<clip>/<edit>` or `<clip>__<edit>`, with a video extension.

    Instead of a video, a folder of numbered images may have that name. Hidden files, and files that
    are not videos, are ignored.

    Raises:
        ValueError: There is no such folder, a video's name matches no pair, or a pair has two
            videos.
    """
    if not folder.is_dir():
        raise ValueError(f"No folder '{folder}' of outputs.")
    known = _stems(dataset)
    found: dict[PairName, Path] = {}
    for path, stem in _candidates(folder, {clip.name for clip in dataset.manifest.clips}):
        if stem not in known:
            meant = did_you_mean(stem, known)
            raise ValueError(
                f"'{path}' is the output of no pair of dataset '{dataset.manifest.name}'.{meant} "
                "Name files CLIP/EDIT.mp4 or CLIP__EDIT.mp4, or give `--map FILE`, a CSV table "
                "with the columns clip, edit, file. `smmbench datasets show "
                f"{dataset.manifest.name}` lists the names."
            )
        if known[stem] in found:
            raise ValueError(
                f"'{found[known[stem]]}' and '{path}' are both the output of "
                f"'{'/'.join(known[stem])}'; keep one."
            )
        found[known[stem]] = path
    return found


def read_map(dataset: Dataset, table: Path, folder: Path) -> dict[PairName, Path]:
    """Read a CSV table with the columns clip, edit, file; files are relative to `folder`.

    Raises:
        ValueError: The table cannot be read, or a line of it is wrong; the message has the line.
    """
    found: dict[PairName, Path] = {}
    for row in read_table(table, ("clip", "edit", "file")):
        try:
            pair, path = _mapped(dataset, row.values, folder)
            if pair in found:
                raise ValueError(f"'{'/'.join(pair)}' occurs twice")
        except (ValueError, LookupError) as error:
            raise ValueError(f"'{table}', line {row.line}: {error}") from error
        found[pair] = path
    return found


def published_outputs(dataset: Dataset) -> list[Batch]:
    """Return the published outputs that were fetched, with the card of each method.

    Raises:
        ValueError: The manifest names none, none is fetched, or one is not the published file.
    """
    name, outputs = dataset.manifest.name, dataset.manifest.outputs
    if not outputs:
        raise ValueError(f"Dataset '{name}' names no published outputs.")
    missing = {file.path for file in missing_files(dataset, [output.video for output in outputs])}
    if len(missing) == len({output.video.path for output in outputs}):
        raise ValueError(
            f"No published output of '{name}' is here. Run `smmbench datasets fetch {name}`."
        )
    batches = []
    for method in dataset.manifest.methods:
        card = card_of_label(method.name) or Card(
            method.title,
            kind="imported",
            paper=method.paper,
            licence=method.licence,
            notes=method.notes,
        )
        files = {
            (output.clip, output.edit): checked_path(dataset, output.video)
            for output in outputs
            if output.method == method.name and output.video.path not in missing
        }
        batches.append(Batch(method.name, card, files))
    return batches


def _stems(dataset: Dataset) -> dict[str, PairName]:
    """Both names that the file of each pair may have, without extension."""
    names = [(clip.name, edit.name) for clip, edit in pairs(dataset)]
    stems = {"/".join(pair): pair for pair in names}
    for pair in names:
        other = stems.setdefault(flat := "__".join(pair), pair)
        if other != pair:  # a__b/c and a/b__c
            raise ValueError(f"'{flat}' may mean {other} or {pair}; give `--map FILE`.")
    return stems


def _candidates(folder: Path, clips: set[str]) -> list[tuple[Path, str]]:
    """Videos and folders of images at both depths, with their path without extension."""
    found: list[tuple[Path, str]] = []
    for path in sorted(folder.iterdir()):
        if path.name in clips and path.is_dir() and not is_image_folder(path):
            found += [(inner, f"{path.name}/{name}") for name, inner in find_videos(path)]
        elif is_video(path):
            found.append((path, name_of(path)))
    return found


def _mapped(dataset: Dataset, row: Mapping[str, str], folder: Path) -> tuple[PairName, Path]:
    """The pair and the file of one line of a table."""
    clip = clip_named(dataset, row["clip"])
    edit = edit_named(clip, row["edit"])
    if not row["file"]:
        raise ValueError(f"no file for '{clip.name}/{edit.name}'")
    path = folder / row["file"]
    if not path.exists():
        raise ValueError(f"no file '{path}'")
    return (clip.name, edit.name), path
