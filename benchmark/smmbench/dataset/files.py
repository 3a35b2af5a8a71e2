"""The files of a dataset: where they are stored, and whether they match the manifest."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from smmbench.dataset.manifest import Clip, Dataset, File
from smmbench.storage.bounded_npz import bounded_arrays
from smmbench.storage.home import content_sha256, home
from smmbench.tracking import Tracks, known_tracks
from smmbench.video import NormalForm, Video, read_normal_form

UNKNOWN = "0" * 64
"""Placeholder for a hash that is not filled in yet."""


def stored_path(dataset: Dataset, file: File) -> Path:
    """Return the path at which a file of the dataset belongs, whether it exists or not.

    A file with an address belongs in `home()/datasets/<name>`, any other next to the manifest. The
    latter may be a link to its real location, such as a data disk or a hub's cache; a link may not
    lead fetched files out of their folder.

    Raises:
        ValueError: A link leads out of the folder of fetched files, or to no file.
    """
    folder = home() / "datasets" / dataset.manifest.name if file.url else dataset.root
    path = folder / file.path
    if file.url and not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"'{path}' is a link that leads out of '{folder}'; use the file itself.")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"'{path}' is a device or a pipe; use a regular file.")
    return path


def checked_path(dataset: Dataset, file: File) -> Path:
    """Return the path of an existing file with the manifest's SHA-256.

    The file is hashed once per process, unless its size or time changes.

    Raises:
        ValueError: It is missing or a different file; the message says how to get the right one.
    """
    path, name = stored_path(dataset, file), dataset.manifest.name
    mend = (
        f"Run `smmbench datasets fetch {name}`."
        if file.url
        else f"It ships with the dataset '{name}': install or copy that again."
    )
    if path.is_symlink() and not path.exists():
        raise ValueError(f"'{path}' is a link to '{path.readlink()}', which is missing. {mend}")
    if not path.exists() or (path.is_dir() and file.url):
        raise ValueError(f"'{path}' is missing. {mend}")
    found = _hash_once(path, *_stamp(path))
    if found != file.sha256:
        raise ValueError(
            f"'{path}' is not the file of dataset '{name}': its SHA-256 is {found}, "
            f"the manifest says {file.sha256}. {mend}"
        )
    return path


def clip_path(dataset: Dataset, clip: Clip) -> Path:
    """Return the path of a source clip, checked like `checked_path`."""
    return checked_path(dataset, clip.video)


def clip_form(dataset: Dataset, clip: Clip) -> NormalForm:
    """Return the normal form of a clip and of everything made from it, given by the protocol.

    A clip that states its own number of frames keeps it: padding would add still motion, and
    cutting all clips to the shortest would discard real motion.
    """
    protocol = dataset.manifest.protocol
    return NormalForm(
        frames=clip.frames or protocol.frames,
        width=protocol.width,
        height=protocol.height,
        fps=protocol.fps,
    )


def source_video(dataset: Dataset, clip: Clip) -> Video:
    """Read a source clip in its normal form; its pixels are checked against the manifest.

    Raises:
        ValueError: The file is missing or different, or decodes to other pixels.
    """
    path = clip_path(dataset, clip)
    form = clip_form(dataset, clip)
    video = _read_once(path, *_stamp(path), form, clip.fps, clip.start)
    if clip.pixels_sha256 == UNKNOWN:
        raise ValueError(
            f"pixels_sha256 of clip '{clip.name}' is not filled in; it is {video.pixels_sha256}."
        )
    if video.pixels_sha256 != clip.pixels_sha256:
        raise ValueError(
            f"Clip '{clip.name}' of dataset '{dataset.manifest.name}' decodes to other pixels "
            f"(SHA-256 {video.pixels_sha256}) than the manifest states ({clip.pixels_sha256}), "
            "although its file is the right one. This decoder (PyAV, FFmpeg) differs from the one "
            "that the dataset was made with, so scores from here are not comparable: install the "
            "PyAV wheel from PyPI. If you are writing this manifest, put the first hash into it, "
            "or let `smmbench datasets new` write one."
        )
    return Video(video.frames.copy(), video.fps, video.notes)  # the caller may write into it


def true_tracks(dataset: Dataset, clip: Clip) -> Tracks:
    """Read the ground-truth tracks of a clip: positions (x, y) in pixels of its normal form.

    Raises:
        ValueError: The clip has none, or the file does not hold such arrays.
    """
    frames = clip_form(dataset, clip).frames
    tracks = known_tracks(_truth_path(dataset, clip, clip.tracks, "tracks"))
    if tracks.points.shape[1] != frames:
        raise ValueError(
            f"Ground-truth tracks of clip '{clip.name}' must have {frames} frames, "
            f"got {tracks.points.shape[1]}."
        )
    return tracks


def true_masks(dataset: Dataset, clip: Clip) -> Bool[np.ndarray, "time height width"]:
    """Read the true foreground masks of a clip, in its normal form.

    Raises:
        ValueError: The clip has none, or the file does not hold such an array.
    """
    form = clip_form(dataset, clip)
    path = _truth_path(dataset, clip, clip.masks, "masks")
    shape = (form.frames, form.height, form.width)
    try:
        masks = bounded_arrays(path, {"masks": math.prod(shape)})["masks"]
    except (ValueError, OSError) as error:
        raise ValueError(f"'{path}' does not hold the true masks: {error}.") from error
    if masks.dtype != bool or masks.shape != shape:
        raise ValueError(
            f"True masks of clip '{clip.name}' must be bool of shape {shape}, "
            f"got {masks.dtype} of shape {masks.shape}."
        )
    return masks


def _truth_path(dataset: Dataset, clip: Clip, file: File | None, what: str) -> Path:
    if file is None:
        raise ValueError(f"Clip '{clip.name}' of '{dataset.manifest.name}' has no true {what}.")
    return checked_path(dataset, file)


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of a file, or of the files of a folder, as the key of a cache by path."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    states = [os.stat(file) for file in files]
    return sum(state.st_size for state in states), max(state.st_mtime_ns for state in states)


@lru_cache(maxsize=4096)
def _hash_once(path: Path, size: int, time: int) -> str:
    return content_sha256(path)


@lru_cache(maxsize=4)  # a clip is read for each of its prompts, and a control reads another
def _read_once(
    path: Path, size: int, time: int, form: NormalForm, fps: float | None, start: int
) -> Video:
    return read_normal_form(path, form, fps=fps, start=start)
