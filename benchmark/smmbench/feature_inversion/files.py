"""Files of a feature inversion: videos, a contact sheet, and the table as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smmbench.contact_sheet.sheet import Heading, Row, contact_sheet, evenly_spaced, write_png
from smmbench.feature_inversion.inverting import Inverted
from smmbench.method.parameters import parameters_to_json
from smmbench.results import PREVIEW, VIDEO
from smmbench.running.description import describe_environment
from smmbench.smm import Parameters
from smmbench.storage.atomic import remove_leftovers, write_text
from smmbench.video import Video, write_lossless, write_preview

TABLE, SHEET = "inversion.json", "sheet.png"


def remove_earlier(folder: Path, dataset: str, clip: str) -> None:
    """Remove the table and sheet of an earlier inversion, which would not match the new videos.

    Raises:
        ValueError: They are of another clip, whose videos would be written over.
    """
    if (folder / TABLE).is_file():
        earlier = json.loads((folder / TABLE).read_text("utf-8"))
        found = f"{earlier['dataset']}/{earlier['clip']}"
        if found != f"{dataset}/{clip}":
            raise ValueError(
                f"'{folder}' holds the inversion of {found}; name another folder for "
                f"{dataset}/{clip}, or remove that one."
            )
    for name in (TABLE, SHEET):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        remove_leftovers(folder)


def video_folder(folder: Path, one: Inverted) -> Path:
    """Path of a video, by guided features and seed."""
    return folder / one.features / f"seed-{one.seed}"


def write_videos(folder: Path, one: Inverted) -> None:
    """Write a video without loss, and a preview, as `smmbench run` does."""
    place = video_folder(folder, one)
    write_lossless(place / VIDEO, one.video)
    write_preview(place / PREVIEW, one.video)


def write_outcome(
    folder: Path,
    dataset: str,
    clip: str,
    original: Video,
    made: Sequence[Inverted],
    parameters: Parameters,
    device: str,
) -> dict[str, Any]:
    """Write the sheet and then the table; return the table's content.

    Args:
        folder: Folder of the videos.
        dataset: Name of the dataset.
        clip: Name of the clip.
        original: The clip.
        made: The reconstructions.
        parameters: The parameters; their `features` are ignored.
        device: The device.
    """
    write_png(folder / SHEET, contact_sheet(sheet_rows(clip, original, made), 6))
    kept = parameters_to_json(parameters)
    del kept["features"]
    content = {
        "dataset": dataset,
        "clip": clip,
        "source_sha256": original.pixels_sha256,
        "parameters": kept,
        "environment": describe_environment(device).model_dump(mode="json"),
        "videos": [_entry(folder, one) for one in made],
    }
    write_text(folder / TABLE, json.dumps(content, indent=2) + "\n")
    return content


def sheet_rows(clip: str, original: Video, made: Sequence[Inverted]) -> list[Heading | Row]:
    """Rows of the sheet: the clip, and below it the videos of each seed."""
    rows: list[Heading | Row] = [
        Heading(f"Feature inversion of {clip}", main=True),
        Row("original", frames=evenly_spaced(original, 6)),
    ]
    for seed in dict.fromkeys(one.seed for one in made):
        rows.append(Heading(f"Start {seed}"))
        for one in made:
            if one.seed == seed:
                text = f"RMS {one.rms:.1f}, PSNR {one.psnr:.1f} dB"
                rows.append(Row(one.features, text, evenly_spaced(one.video, 6)))
    return rows


def _entry(folder: Path, one: Inverted) -> dict[str, Any]:
    """A row of the table; JSON has no infinity, so that the PSNR of the same pixels is null."""
    return {
        "features": one.features,
        "seed": one.seed,
        "rms": one.rms,
        "psnr": one.psnr if math.isfinite(one.psnr) else None,
        "distances": one.distances,
        "video": (video_folder(folder, one) / VIDEO).relative_to(folder).as_posix(),
        "pixels_sha256": one.video.pixels_sha256,
    }
