"""The tracks that a score compared, in a separate file for inspection."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int16

from smmbench.results.records import TracksFile
from smmbench.storage.atomic import atomic_path
from smmbench.storage.home import file_sha256

TRACKS = "tracks.npz"

_UNIT = 16  # steps of a pixel
_FARTHEST = 2**14 - 1  # in steps; a difference of two such points is an int16


@dataclass(frozen=True, eq=False)
class ScoredTracks:
    """Tracks of a source and of an output, in pixels (x, y) of the clip's normal form.

    Attributes:
        source_points: Position of each point of the source in each frame.
        source_visible: Whether it is visible there.
        output_points: The same for the output.
        output_visible: The same for the output.
    """

    source_points: Float[np.ndarray, "n time 2"]
    source_visible: Bool[np.ndarray, "n time"]
    output_points: Float[np.ndarray, "m time 2"]
    output_visible: Bool[np.ndarray, "m time"]


def write_tracks(folder: Path, tracks: ScoredTracks, key: str) -> TracksFile:
    """Write `tracks.npz` next to the score with this key; return its entry for `scores.json`.

    Points are rounded to 1/16 pixel and stored as steps from frame to frame, which compress well.
    """
    path = folder / TRACKS
    arrays: dict[str, Any] = {
        name: _steps(array) if name.endswith("points") else array
        for name, array in vars(tracks).items()
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # no `allow_pickle`: an array more for NumPy 1.26
    return TracksFile(file=TRACKS, sha256=file_sha256(path), key=key)


def read_tracks(folder: Path, said: TracksFile) -> ScoredTracks:
    """Read the tracks that `scores.json` in `folder` names.

    Raises:
        ValueError: The file is missing, changed, or does not contain tracks.
    """
    path = folder / TRACKS
    try:
        if file_sha256(path) != said.sha256:
            raise ValueError(f"'{path}' is not the file that its scores name: its SHA-256 differs.")
        with np.load(path, allow_pickle=False) as stored:
            return ScoredTracks(
                **{
                    name: _points(array) if name.endswith("points") else array
                    for name, array in stored.items()
                }
            )
    except (OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"'{path}' does not contain tracks ({error}). `smmbench score` on its folder writes it."
        ) from error


def _steps(points: Float[np.ndarray, "n time 2"]) -> Int16[np.ndarray, "n time 2"]:
    """Positions in 1/16 pixel as differences in time, the first from 0."""
    steps = np.clip(np.rint(np.nan_to_num(points) * _UNIT), -_FARTHEST, _FARTHEST)
    return np.diff(steps, axis=1, prepend=0).astype(np.int16)


def _points(steps: Int16[np.ndarray, "n time 2"]) -> Float[np.ndarray, "n time 2"]:
    return (np.cumsum(steps, axis=1, dtype=np.int64) / _UNIT).astype(np.float32)
