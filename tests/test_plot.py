"""The picture of a board."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smmbench_leaderboard.plot import draw

ENTRIES = Path(__file__).parents[1] / "leaderboard" / "entries" / "emoji"


def test_a_committed_board_is_drawn(tmp_path: Path) -> None:
    board = json.loads(next(ENTRIES.glob("*-board.json")).read_text("utf-8"))
    draw(board, tmp_path / "board.png")
    picture = np.asarray(Image.open(tmp_path / "board.png").convert("RGB")).astype(int)
    red = (picture[..., 0] > 180) & (picture[..., 1] < 80) & (picture[..., 2] < 80)
    assert red.sum() > 20  # the row of SMM
    board["rows"] = [row for row in board["rows"] if row["label"] != "smm"]
    draw(board, tmp_path / "without.png")
    picture = np.asarray(Image.open(tmp_path / "without.png").convert("RGB")).astype(int)
    red = (picture[..., 0] > 180) & (picture[..., 1] < 80) & (picture[..., 2] < 80)
    assert red.sum() == 0


def test_an_axis_that_nobody_scored_is_refused(tmp_path: Path) -> None:
    board = json.loads(next(ENTRIES.glob("*-board.json")).read_text("utf-8"))
    for row in board["rows"]:
        row["cells"]["text_similarity"]["mean"] = None
    with pytest.raises(ValueError, match="scored by text_similarity"):
        draw(board, tmp_path / "board.png")
    assert not (tmp_path / "board.png").exists()
