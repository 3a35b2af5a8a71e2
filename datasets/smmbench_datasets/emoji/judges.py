"""Two held-out evaluators, never used for training or tuning: what is shown, and where it is.

The judge names the object of a frame. It has another architecture than the CLIP and was trained
on other pictures: rotated, flipped, sheared, recoloured and grey sprites on synthetic backgrounds.
The locator finds the centre of the object in frames of the world and their reconstructions.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from smmbench_datasets.emoji.atlas import OBJECTS
from smmbench_datasets.emoji.carried import MODELS, carried

NOTHING = len(OBJECTS)  # the judge's last class: no known object
JUDGES = MODELS / "judge"
_CELL = 4  # pixels per cell of the locator's map
_REACH = 2  # cells around the highest one over which the centre is averaged

Frames = Float[Tensor, "frames 3 height width"]


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.GroupNorm(8, outputs),
        nn.ReLU(),
    )


class Judge(nn.Module):
    """A plain stack of convolutions (as in VGG, with group norm) over the whole frame."""

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 64, 96, 128, 176)
        self.layers = nn.Sequential(
            _layer(3, 32, stride=2),
            *(nn.Sequential(_layer(a, b, stride=2), _layer(b, b)) for a, b in pairwise(widths)),
        )
        self.head = nn.Linear(2 * widths[-1], NOTHING + 1)

    def forward(self, frames: Frames) -> Float[Tensor, "frames classes"]:
        """Logits of the objects in the world's order, then of no object. Frames are 0 to 1."""
        features = self.layers(2 * frames - 1)
        return self.head(torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1))

    @torch.no_grad()
    def classify(self, frames: Frames) -> Float[Tensor, "frames classes"]:
        """The same as `forward`, without gradients."""
        return self(frames)


class Locator(nn.Module):
    """A small U-shaped convolutional network that maps the position of the object's centre."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(_layer(3, 24, 2), _layer(24, 48, 2), _layer(48, 48))
        self.middle = nn.Sequential(_layer(48, 96, 2), _layer(96, 96))
        self.coarse = nn.Sequential(_layer(96, 128, 2), _layer(128, 128))
        self.up = nn.Conv2d(128, 96, 1)
        self.joined = _layer(96, 96)
        self.last = nn.Conv2d(96, 48, 1)
        self.head = nn.Sequential(_layer(48, 48), nn.Conv2d(48, 1, 3, 1, 1))

    def forward(self, frames: Frames) -> Float[Tensor, "frames rows columns"]:
        """Logits of the centre's position; a cell is 4x4 pixels. Frames are 0 to 1."""
        fine = self.fine(2 * frames - 1)
        middle = self.middle(fine)
        wide = nnf.interpolate(self.up(self.coarse(middle)), scale_factor=2.0)
        middle = self.joined(middle + wide)
        return self.head(fine + nnf.interpolate(self.last(middle), scale_factor=2.0))[:, 0]

    @torch.no_grad()
    def locate(self, frames: Frames) -> Float[Tensor, "frames 2"]:
        """Centre (x, y) of the object in pixels; the top-left pixel's centre is (0, 0)."""
        return centre_of(self(frames).float())


def centre_of(logits: Float[Tensor, "frames rows columns"]) -> Float[Tensor, "frames 2"]:
    """Mean position of the cells within 2 of the highest, weighted by probability, in pixels."""
    n, rows, columns = logits.shape
    top = logits.flatten(1).argmax(1)
    row, column = (
        torch.arange(rows, device=logits.device),
        torch.arange(columns, device=logits.device),
    )
    near_row = (row - (top // columns)[:, None]).abs() <= _REACH
    near_column = (column - (top % columns)[:, None]).abs() <= _REACH
    near = near_row[:, :, None] & near_column[:, None, :]
    weight = logits.masked_fill(~near, -torch.inf).flatten(1).softmax(1).view(n, rows, columns)
    place = torch.stack([(weight.sum(1) * column).sum(1), (weight.sum(2) * row).sum(1)], dim=1)
    return place * _CELL + (_CELL - 1) / 2


def cell_places(side: int, device: torch.device) -> Float[Tensor, " cells"]:
    """Pixel coordinate of the centre of each cell along a side of `side` pixels."""
    return torch.arange(side // _CELL, device=device) * _CELL + (_CELL - 1) / 2


def load_judge(device: str | torch.device = "cpu", folder: Path = JUDGES) -> Judge:
    """Load the trained judge."""
    judge = Judge()
    _load(judge, folder / "judge.safetensors", device)
    return judge


def load_locator(device: str | torch.device = "cpu", folder: Path = JUDGES) -> Locator:
    """Load the trained locator."""
    locator = Locator()
    _load(locator, folder / "locator.safetensors", device)
    return locator


def _load(network: nn.Module, path: Path, device: str | torch.device) -> None:
    if path.parent == JUDGES:
        carried(JUDGES.name)
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    network.to(device).eval().requires_grad_(False)
