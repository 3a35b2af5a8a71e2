"""The adapter, against a stand-in of the package's call shape; the package itself is CC BY-NC."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smmbench.storage.weights_hash import tensors_sha256
from smmbench.tracking import open_tracker
from smmbench.tracking.cotracker import COMMIT
from smmbench.tracking.grid import grid_points
from smmbench.video import Video

GRID = 4
STEP = (2.0, -1.0)


class StandIn(torch.nn.Module):
    """Moves every query by STEP a frame; sees the even points only."""

    built: dict[str, Any]

    def __init__(self, checkpoint: str, offline: bool, v2: bool, window_len: int) -> None:
        super().__init__()
        type(self).built = {"offline": offline, "v2": v2, "window_len": window_len}
        state = torch.load(checkpoint, weights_only=True)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.load_state_dict(state)

    def forward(
        self, video: torch.Tensor, queries: torch.Tensor | None = None, grid_size: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        batch, frames, channels, height, width = video.shape
        if queries is None:  # its own grid, where nothing moves
            still = torch.zeros(1, frames, grid_size**2, 2)
            return still, torch.ones(1, frames, grid_size**2, dtype=torch.bool)
        assert (batch, channels, height, width) == (1, 3, 48, 64)
        assert video.dtype == torch.float32
        assert video.max() > 1  # 0 to 255
        assert queries.shape == (1, GRID**2, 3)
        assert (queries[..., 0] == 0).all()
        t = torch.arange(frames)[None, :, None, None]
        tracks = queries[:, None, :, 1:] + t * torch.tensor(STEP)
        visible = (torch.arange(GRID**2) % 2 == 0).expand(1, frames, -1)
        return tracks, visible


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = types.ModuleType("cotracker.predictor")
    predictor.CoTrackerPredictor = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cotracker", types.ModuleType("cotracker"))
    monkeypatch.setitem(sys.modules, "cotracker.predictor", predictor)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "scaled_offline.pth"
    torch.save({"weight": torch.zeros(1)}, path)
    return path


@pytest.fixture
def video() -> Video:
    return Video(np.full((5, 48, 64, 3), 200, np.uint8), 8.0)


@pytest.mark.usefixtures("package")
def test_tracks_are_points_by_frames_from_the_common_grid(checkpoint: Path, video: Video) -> None:
    tracks = open_tracker(f"cotracker3:{checkpoint}", GRID, "cpu").track(video)
    assert tracks.points.shape == (GRID**2, 5, 2)
    np.testing.assert_allclose(tracks.points[:, 0], grid_points(64, 48, GRID))
    np.testing.assert_allclose(np.diff(tracks.points, axis=1), np.broadcast_to(STEP, (16, 4, 2)))
    assert tracks.visible[0::2].all()
    assert not tracks.visible[1::2].any()


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "v2", "window"),
    [("cotracker", False, 60), ("cotracker3", False, 60), ("cotracker2", True, 8)],
)
def test_generations(checkpoint: Path, name: str, v2: bool, window: int) -> None:
    open_tracker(f"{name}:{checkpoint}", GRID, "cpu")
    assert StandIn.built == {"offline": True, "v2": v2, "window_len": window}


@pytest.mark.usefixtures("package")
def test_origin_has_the_hash_of_the_checkpoint(checkpoint: Path) -> None:
    origin = open_tracker(f"cotracker2:{checkpoint}", GRID, "cpu").origin()
    assert origin["tracker"] == "cotracker2"
    assert origin["checkpoint_sha256"] == tensors_sha256(checkpoint)
    assert origin["grid"] == GRID
    assert str(checkpoint) not in json.dumps(origin)  # the same weights elsewhere are the same


@pytest.mark.usefixtures("package")
def test_says_how_to_get_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"scaled_offline\.pth.*CC BY-NC.*--tracker cotracker3:"):
        open_tracker(f"cotracker3:{tmp_path / 'none.pth'}", GRID, "cpu")


@pytest.mark.usefixtures("package")
def test_says_when_weights_are_of_another_model(checkpoint: Path) -> None:
    torch.save({"other": torch.zeros(1)}, checkpoint)
    with pytest.raises(ValueError, match="does not load as weights of CoTracker2"):
        open_tracker(f"cotracker2:{checkpoint}", GRID, "cpu")


def test_says_how_to_get_the_package(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cotracker", None)
    with pytest.raises(ImportError, match=f"pip install git.*{COMMIT}.*--tracker dis"):
        open_tracker(f"cotracker3:{checkpoint}", GRID, "cpu")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        (None, "3.0"),
        ('{"url": "file:///private/place", "dir_info": {}}', "3.0"),
        ('{"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": "82e0"}}', "3.0+82e0"),
    ],
)
def test_origin_has_the_commit_and_no_place(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, direct_url: str | None, expected: str
) -> None:
    installed = types.SimpleNamespace(version="3.0", read_text=lambda _: direct_url)
    monkeypatch.setattr("smmbench.tracking.installed.distribution", lambda _: installed)
    assert open_tracker(f"cotracker3:{checkpoint}", GRID, "cpu").origin()["package"] == expected


@pytest.mark.usefixtures("package")
def test_the_grid_of_the_published_scripts_is_cotrackers_own(
    checkpoint: Path, video: Video
) -> None:
    tracker = open_tracker(f"cotracker2-grid55:{checkpoint}", GRID, "cpu")
    assert tracker.track(video).points.shape == (55**2, 5, 2)
    assert {"grid": 55, "generation": 2, "published": True}.items() <= tracker.origin().items()
    assert "published" not in open_tracker(f"cotracker2:{checkpoint}", GRID, "cpu").origin()
