"""True tracks that a dataset carries.

Only sources have them: a renderer knows where every point of its clip went, and nobody knows that
of what a method made of it. A comparison of true tracks with tracked ones measures the tracker too,
so tracking both sides alike is the default.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from smmbench.tracking.types import Tracks


def known_tracks(path: Path) -> Tracks:
    """Read `tracks` (n, time, 2), x and y in pixels, and `visible` (n, time), from an npz file.

    Raises:
        ValueError: The file is missing, or it does not hold such tracks.
    """
    if not path.is_file():
        raise ValueError(f"No file '{path}' with true tracks.")
    try:
        # Opened here: NumPy leaves a file open that turns out not to be an archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            points, visible = arrays["tracks"], arrays["visible"]
        floats = points.dtype.kind == "f" and points.ndim == 3 and points.shape[-1] == 2
        if not floats or visible.dtype != bool or visible.shape != points.shape[:2]:
            raise ValueError(
                f"they are {points.dtype} of shape {points.shape} and {visible.dtype} of shape "
                f"{visible.shape}"
            )
        return Tracks(points, visible)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"'{path}' does not hold true tracks: arrays `tracks` (n, time, 2), float, and "
            f"`visible` (n, time), bool, are needed ({error})."
        ) from error
