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
        with np.load(path, allow_pickle=False) as arrays:
            points, visible = arrays["tracks"], arrays["visible"]
        if points.dtype.kind != "f" or visible.dtype != bool:
            raise ValueError(f"they are {points.dtype} and {visible.dtype}, not float and bool")
        return Tracks(points, visible)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"'{path}' does not hold true tracks: arrays `tracks` (n, time, 2) and `visible` "
            f"(n, time) are needed ({error})."
        ) from error
