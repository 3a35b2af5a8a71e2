"""Scored tracks as the viewer draws them: some of each video, in steps of a quarter pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from smmbench.results import TracksFile
from smmbench.results.scored_tracks import read_tracks
from smmbench_leaderboard.site.scripts import write_data

MOST = 64  # tracks per video
UNIT = 4  # steps per pixel


def keep_tracks(folder: Path, result: Path, said: TracksFile | None) -> str:
    """Write the tracks that a score compared, once; return their name, or empty for none.

    Args:
        folder: Folder of the site.
        result: Folder of the result.
        said: The entry on the file of tracks in the scores.
    """
    if said is None:
        return ""
    name = f"{said.sha256[:32]}"
    path = folder / "tracks" / f"{name}.js"
    if path.is_file():
        return name
    try:
        tracks = read_tracks(result, said)
    except ValueError:
        return ""
    content = {
        "source": _drawn(tracks.source_points, tracks.source_visible),
        "output": _drawn(tracks.output_points, tracks.output_visible),
    }
    write_data(path, f"tracks/{name}", content)
    return name


def _drawn(points: Float[np.ndarray, "n time 2"], visible: Bool[np.ndarray, "n time"]) -> list[Any]:
    """Return up to `MOST` tracks, evenly from those that move most to those that stay.

    Each is a list of alternating x and y, the first absolute and all further ones as differences,
    and a string of 1 and 0 for its visibility.
    """
    if len(points) == 0:
        return []
    length = np.abs(np.diff(points, axis=1)).sum(axis=(1, 2))
    order = np.argsort(-length, kind="stable")
    moving = order[: MOST // 2]
    others = order[MOST // 2 :]
    some = others[:: max(1, -(-len(others) // (MOST // 2)))] if len(others) else others
    chosen = np.concatenate([moving, some])
    units = np.rint(points[chosen] * UNIT).astype(int)
    steps = np.diff(units, axis=1, prepend=0)
    return [
        [one.reshape(-1).tolist(), "".join("1" if seen else "0" for seen in see)]
        for one, see in zip(steps, visible[chosen], strict=True)
    ]
