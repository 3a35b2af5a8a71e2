"""Tracks by AllTracker, from the user's own clone and checkpoint.

Harley et al., "AllTracker: Efficient Dense Point Tracking at High Resolution" (ICCV 2025). Code and
weights are MIT. The project is no package, so its clone is named by an environment variable.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256
from smmbench.tracking.checkpoints import loading, require_checkpoint
from smmbench.tracking.grid import first_points
from smmbench.tracking.resizing import Resizing
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

COMMIT = "c1ed462b7cfe9b4c6d07d8880ae5ed103b0848e0"
VARIABLE = "SMMBENCH_ALLTRACKER"
INSTALL = (
    "git clone https://github.com/aharley/alltracker && git -C alltracker checkout "
    f"{COMMIT} && export {VARIABLE}=$PWD/alltracker"
)
CHECKPOINT = "https://huggingface.co/aharley/alltracker/resolve/main/alltracker.pth"
VISIBLE = 0.6  # product of visibility and confidence, as its evaluation has it
_WINDOW = 16  # frames a window: what the checkpoint was trained with
_STRIDE = 8  # both sides are multiples of it
_SMALLEST = 16  # strides a side: the network halves its maps four times


@dataclass(frozen=True)
class Parameters:
    """What the tracks depend on, besides pixels and weights."""

    grid: int = 30  # points along each axis
    size: int = 1024  # pixels of the longer side of the frames that the network sees
    iterations: int = 4  # refinements of each window


class AllTracker:
    """Tracks the grid of the other trackers, sampled from a dense map of pixel displacements.

    Args:
        checkpoint: Local weights file.
        parameters: Grid, size and refinements.
        device: The device on which to compute; its code needs a CUDA device.

    Raises:
        ImportError: There is no clone, or a package that it needs is not installed.
        ValueError: The checkpoint is missing or of another model, or the device is no CUDA device.
    """

    def __init__(self, checkpoint: Path, parameters: Parameters, device: str) -> None:
        import torch

        code = _clone()
        require_checkpoint(checkpoint, "AllTracker", f"{CHECKPOINT} (MIT)", "alltracker:/path.pth")
        if not device.startswith("cuda"):
            raise ValueError(
                f"AllTracker's code computes on an NVIDIA GPU only, not on '{device}': use "
                "--device cuda, or another tracker."
            )
        self.parameters = parameters
        self.device = device
        self.code = folder_sha256(code / "nets", "*.py")
        self.checkpoint_sha256 = tensors_sha256(checkpoint)
        model = _network(code)(_WINDOW, init_weights=False)  # no ImageNet weights are fetched
        with loading(checkpoint, "AllTracker", "The tiny model is not supported."):
            content = torch.load(checkpoint, map_location="cpu", weights_only=True)
            model.load_state_dict(content.get("model", content))
        self.model = model.eval().to(device)

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on, besides the pixels."""
        import torch

        return {
            "tracker": "alltracker",
            "version": 1,
            "code": self.code,
            "checkpoint_sha256": self.checkpoint_sha256,
            "torch": torch.__version__,
            **asdict(self.parameters),
        }

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of points that begin elsewhere."""
        import torch

        time, height, width = video.frames.shape[:3]
        resizing = _resizing(width, height, self.parameters.size)
        frames = resizing.frames(video.frames)
        frames = torch.cat([frames, frames[-1:].repeat(max(0, 3 - time), 1, 1, 1)])  # at least 3
        with torch.inference_mode():
            flow, trust, _, _ = self.model.forward_sliding(
                frames[None].to(self.device),
                iters=self.parameters.iterations,
                sw=None,
                is_training=False,
            )
        points = first_points(video, self.parameters.grid, points)
        start = resizing.there(points)
        moved = start + _read(flow[0, :time].float().cpu(), start)
        positions = resizing.back(moved.astype(np.float32)).swapaxes(0, 1)
        positions[:, 0] = points
        trusted = _read(trust[0, :time].float().cpu(), start).prod(axis=-1).T > VISIBLE
        return Tracks(positions, trusted)


def _resizing(width: int, height: int, size: int) -> Resizing:
    scale = size / max(width, height)
    sides = (max(int(side * scale) // _STRIDE, _SMALLEST) * _STRIDE for side in (width, height))
    return Resizing(width, height, *sides)


def _read(maps: Any, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "time n channels"]:
    """Values of maps (time, channels, height, width) at positions (x, y), bilinear."""
    import torch

    height, width = maps.shape[2:]
    last = np.array([max(width - 1, 1), max(height - 1, 1)], dtype=np.float32)
    at = torch.from_numpy((2 * points / last - 1).astype(np.float32))
    at = at[None, None].expand(len(maps), 1, -1, -1)
    found = torch.nn.functional.grid_sample(maps, at, padding_mode="border", align_corners=True)
    return found[:, :, 0].permute(0, 2, 1).numpy()


def _clone() -> Path:
    named = os.environ.get(VARIABLE)
    if not named or not (Path(named).expanduser() / "nets" / "alltracker.py").is_file():
        where = f"there is none at {VARIABLE}='{named}'" if named else f"{VARIABLE} is not set"
        raise ImportError(
            f"AllTracker needs a clone of its repository, and {where}. Its code is MIT: "
            f"`{INSTALL}`, or use --tracker dis."
        )
    return Path(named).expanduser().resolve()


def _network(code: Path) -> Any:
    """Import the network; its modules have common names and are taken out again."""
    others = {name: sys.modules.pop(name) for name in [*sys.modules] if _is_its(name)}
    sys.path.insert(0, str(code))
    try:
        return importlib.import_module("nets.alltracker").Net
    except ImportError as error:
        raise ImportError(f"AllTracker's code does not load: {error}") from error
    finally:
        sys.path.remove(str(code))
        for name in [name for name in sys.modules if _is_its(name)]:
            del sys.modules[name]
        sys.modules.update(others)


def _is_its(module: str) -> bool:
    return module.split(".")[0] in ("nets", "utils")
