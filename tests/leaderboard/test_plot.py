"""The picture of a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from smmbench_leaderboard.board.plot import crowded, draw
from smmbench_leaderboard.ledger.entries import read_board

ENTRIES = Path(__file__).parents[2] / "leaderboard" / "entries" / "emoji"


def test_a_committed_board_is_drawn(tmp_path: Path) -> None:
    board = read_board(next(ENTRIES.glob("*-board.board.xz")))
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
    board = read_board(next(ENTRIES.glob("*-board.board.xz")))
    for row in board["rows"]:
        row["cells"]["text_similarity"]["mean"] = None
    with pytest.raises(ValueError, match="scored by text_similarity"):
        draw(board, tmp_path / "board.png")
    assert not (tmp_path / "board.png").exists()


def test_methods_that_follow_the_text_alike_are_enlarged() -> None:
    def row(label: str, text: float, kind: str = "baseline") -> dict[str, Any]:
        cells = {"text_similarity": {"mean": text}, "motion_fidelity": {"mean": 0.5}}
        return {"label": label, "card": {"kind": kind}, "cells": cells}

    near = [row(label, text) for label, text in zip("abcd", (0.9, 0.95, 0.99, 0.91), strict=True)]
    far = [row("far", 0.5), row("control", 0.98, "control")]
    assert crowded([*near, *far]) == near
    assert crowded([*near[:3], *far]) == []
    assert crowded([]) == []
