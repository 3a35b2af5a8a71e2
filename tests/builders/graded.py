"""Small folders in the layouts of SimMotion and TDVE-DB, of videos made here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from smmbench.video import Video, write_preview

FRAMES, SIDE = 12, 64


def moving(step: tuple[int, int], ground: int, shade: int) -> Video:
    """A square over a textured ground that goes by `step` pixels (x, y) a frame."""
    rng = np.random.default_rng(ground)
    frames = np.repeat(rng.integers(0, 90, (1, SIDE, SIDE, 3), dtype=np.uint8), FRAMES, axis=0)
    x, y = (10 if one >= 0 else SIDE - 26 for one in step)
    for t in range(FRAMES):
        top, left = y + step[1] * t, x + step[0] * t
        frames[t, top : top + 16, left : left + 16] = shade
    return Video(frames, fps=8.0)


RIGHT, DOWN = (3, 0), (0, 3)


def write_triplet(folder: Path, same: bool = True) -> None:
    """A triplet whose positive moves as the reference; the other way round if not `same`."""
    folder.mkdir(parents=True)
    steps = (RIGHT, DOWN) if same else (DOWN, RIGHT)
    write_preview(folder / "ref.mp4", moving(RIGHT, 0, 250))
    write_preview(folder / "positive.mp4", moving(steps[0], 1, 200))
    write_preview(folder / "negative.mp4", moving(steps[1], 0, 250))


def write_synthetic(folder: Path, examples: Mapping[str, int]) -> Path:
    """SimMotion-Synthetic with so many triplets of each category."""
    for category, count in examples.items():
        for number in range(count):
            write_triplet(folder / category / f"example_{number}")
    return folder


def write_tdve_db(folder: Path, sources: bool = True) -> Path:
    """TDVE-DB with two prompts and three methods; the better rated moves more like the source.

    `good` keeps the motion and is rated best, `bad` goes elsewhere, and `none` stands still.
    """
    steps = {"good": RIGHT, "bad": DOWN, "none": (0, 0)}
    ratings = {"good": 90.0, "bad": 30.5, "none": 12.25}
    for category, number in (("color", "1000"), ("oil painting", "1001")):
        place = folder / "TDVE-DB" / category
        for method, step in steps.items():
            path = place / "edit_video" / method / f"{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_preview(path, moving(step, 2, 210))
        if sources:
            (place / "source_video").mkdir(exist_ok=True)
            write_preview(place / "source_video" / f"{number}.mp4", moving(RIGHT, 0, 250))
    _write_ratings(folder / "stage2_dataset", ratings)
    return folder


def _write_ratings(folder: Path, ratings: Mapping[str, float]) -> None:
    """The six files of ratings: prompt 1000 in the test split, prompt 1001 in the other."""
    folder.mkdir()
    asked = {
        "video_quality_{}_mos": "<video> How good is it?",
        "text_{}": "<video> Does it fit? prompt: A red square.",
        "feel_{}": "<video> Two videos in one. How alike are they?",
    }
    for name, question in asked.items():
        for split, place in (("test", "color/{}/1000"), ("train", "oil painting/{}/1001")):
            entries = [
                {
                    "messages": [
                        {"role": "user", "content": question},
                        {"role": "assistant", "content": f"It is fair({rating})"},
                    ],
                    "videos": f"/somewhere/else/{_path(place, method)}",
                }
                for method, rating in ratings.items()
            ]
            (folder / f"{name.format(split)}.json").write_text(json.dumps(entries))


def _path(place: str, method: str) -> str:
    category, _, number = place.split("/")
    return f"{category}/edit_video/{method}/{number}.mp4"
