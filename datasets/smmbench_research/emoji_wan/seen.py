"""Figures of an output from `emoji-wan` by the judge and the locator of the world `emoji`.

Neither evaluates the board, and nothing is selected by them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from smmbench.dataset import Dataset, clip_named, edit_named, load_dataset, source_video
from smmbench.results import VIDEO, RunRecord
from smmbench.video import Video, read_video
from smmbench_datasets.emoji.judges import JUDGES, load_judge, load_locator
from smmbench_datasets.emoji_wan.captions import (
    ATTRIBUTES,
    OBJECTS,
    SCENES,
    SECOND,
    caption,
)


class Seen:
    """Judge and locator on a CPU.

    Args:
        judges: Folder of judge and locator.
    """

    def __init__(self, judges: Path = JUDGES) -> None:
        self.judge = load_judge("cpu", judges)
        self.locator = load_locator("cpu", judges)
        self._datasets: dict[str, Dataset] = {}
        self._paths: dict[tuple[str, str], Float[Tensor, "time 2"]] = {}

    def figures(self, folder: Path, record: RunRecord) -> dict[str, float | None]:
        """Measure one output.

        Returns:
            `judge`: 1 if the judge names the object that the prompt names first, else 0; None
            if the prompt names two. `direction`: mean cosine of the steps of the located object
            with those in the source; steps of less than half a pixel in the source do not count.
            `distance`: mean pixels between the two paths.
        """
        asked = record.request
        dataset = self._dataset(asked.dataset)
        clip = clip_named(dataset, asked.clip)
        frames = _tensor(read_video(folder / VIDEO))
        wanted, alone = named_object(edit_named(clip, asked.edit).prompt)
        with torch.no_grad():
            logits = self.judge.classify(frames).mean(0)
            path = self.locator.locate(frames)
        key = (asked.dataset, asked.clip)
        if key not in self._paths:
            with torch.no_grad():
                self._paths[key] = self.locator.locate(_tensor(source_video(dataset, clip)))
        true = self._paths[key]
        return {
            "judge": float(int(logits.argmax()) == wanted) if alone else None,
            "direction": round(direction(path, true), 4),
            "distance": round(float((path - true).norm(dim=1).mean()), 3),
        }

    def _dataset(self, name: str) -> Dataset:
        if name not in self._datasets:
            self._datasets[name] = load_dataset(name)
        return self._datasets[name]


def direction(path: Float[Tensor, "time 2"], true: Float[Tensor, "time 2"]) -> float:
    """Return the mean cosine of steps, -1 to 1; 0 if the true path does not move."""
    step, wanted = path.diff(dim=0), true.diff(dim=0)
    moving = wanted.norm(dim=1) >= 0.5
    cosine = torch.nn.functional.cosine_similarity(step, wanted, dim=1)
    return float(cosine[moving].mean()) if moving.any() else 0.0


def named_object(prompt: str) -> tuple[int, bool]:
    """Return the object that a caption names first, and whether it is the only one.

    Raises:
        KeyError: The text is not a caption of the world without motion.
    """
    return _objects()[prompt]


@cache
def _objects() -> dict[str, tuple[int, bool]]:
    found = {}
    for o in range(len(OBJECTS)):
        for a in range(ATTRIBUTES):
            if a == SECOND + o:
                continue
            for s in range(len(SCENES)):
                found[caption(o, s, None, a)] = (o, a < SECOND)
    return found


def _tensor(video: Video) -> Tensor:
    """Frames (time, 3, height, width), 0 to 1."""
    return torch.from_numpy(video.frames.copy()).movedim(3, 1).float() / 255
