"""Fixtures that several test files share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smmbench.video import Video


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache folder of its own, and no hub."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SMMBENCH_HOME", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def moving_square() -> Video:
    """A white square that moves 3 pixels a frame to the right over a textured ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 90, (64, 96, 3), dtype=np.uint8)
    frames = np.repeat(ground[None], 8, axis=0)
    for t in range(8):
        frames[t, 20:40, 10 + 3 * t : 30 + 3 * t] = 250
    return Video(frames, fps=8.0)
