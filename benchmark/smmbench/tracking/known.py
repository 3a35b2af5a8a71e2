"""Ground-truth tracks of a dataset.

Only sources have them: a renderer knows the path of every point of its clip, but the true motion of
an output is unknown. A comparison of ground-truth tracks with tracked ones also measures the
tracker, so both sides are tracked by default.
"""

from __future__ import annotations

from pathlib import Path

from smmbench.storage.bounded_npz import bounded_arrays
from smmbench.tracking.types import Tracks

LARGEST = 1 << 27  # bytes of an array: half a million points over 16 frames


def known_tracks(path: Path) -> Tracks:
    """Read `tracks` (n, time, 2), x and y in pixels, and `visible` (n, time), from an npz file.

    Raises:
        ValueError: The file is missing, or it does not hold such tracks.
    """
    if not path.is_file():
        raise ValueError(f"No file '{path}' with ground-truth tracks.")
    try:
        arrays = bounded_arrays(path, {"tracks": LARGEST, "visible": LARGEST})
        points, visible = arrays["tracks"], arrays["visible"]
        floats = points.dtype.kind == "f" and points.ndim == 3 and points.shape[-1] == 2
        if not floats or visible.dtype != bool or visible.shape != points.shape[:2]:
            raise ValueError(
                f"they are {points.dtype} of shape {points.shape} and {visible.dtype} of shape "
                f"{visible.shape}"
            )
        return Tracks(points, visible)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"'{path}' does not contain ground-truth tracks: it needs the arrays "
            f"`tracks` (n, time, 2), float, and `visible` (n, time), bool ({error})."
        ) from error
