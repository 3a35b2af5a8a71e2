from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smmbench.tracking import known_tracks

POINTS = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
VISIBLE = np.array([[True] * 4, [False] * 4, [True, False, True, False]])


def test_gives_what_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    np.savez(path, tracks=POINTS, visible=VISIBLE)
    tracks = known_tracks(path)
    np.testing.assert_array_equal(tracks.points, POINTS)
    np.testing.assert_array_equal(tracks.visible, VISIBLE)


@pytest.mark.parametrize(
    "content",
    [
        {"tracks": POINTS},
        {"tracks": POINTS, "visible": VISIBLE[:2]},
        {"tracks": POINTS[..., 0], "visible": VISIBLE},
        {"tracks": np.full_like(POINTS, np.nan), "visible": VISIBLE},
        {"tracks": POINTS, "visible": VISIBLE.astype(int)},
        {"tracks": np.array([{"a": "pickle"}], dtype=object), "visible": VISIBLE},
    ],
    ids=["no visible", "other shape", "no pairs", "nan", "not bool", "pickle"],
)
def test_refuses_what_are_no_tracks(tmp_path: Path, content: dict[str, np.ndarray]) -> None:
    path = tmp_path / "tracks.npz"
    np.savez(path, **content)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not contain ground-truth tracks"):
        known_tracks(path)


def test_refuses_a_missing_or_cut_file(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    with pytest.raises(ValueError, match="No file"):
        known_tracks(path)
    np.savez(path, tracks=POINTS, visible=VISIBLE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="does not contain ground-truth tracks"):
        known_tracks(path)
