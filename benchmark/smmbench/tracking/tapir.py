"""Tracks by BootsTAPIR in PyTorch, from the user's own install and checkpoint.

Doersch et al., "TAPIR" (ICCV 2023) and "BootsTAP" (ACCV 2024). Code and checkpoints are Apache-2.0
(the checkpoints since July 2026), without a clause against commercial use.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from smmbench.storage.weights_hash import tensors_sha256
from smmbench.tracking.checkpoints import loading, require_checkpoint
from smmbench.tracking.grid import first_points
from smmbench.tracking.installed import installed_version
from smmbench.tracking.resizing import Resizing
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

COMMIT = "c2cbab81cc06092b5f05bfe2da7bfec54e2079c9"
INSTALL = (
    "pip install dm-tree einshape && pip install --no-deps "
    f"git+https://github.com/google-deepmind/tapnet@{COMMIT}"
)
CHECKPOINT = "https://storage.googleapis.com/dm-tapnet/bootstap/bootstapir_checkpoint_v2.pt"

_SUPPORTED = (
    f"The offline model is supported ({CHECKPOINT.rpartition('/')[2]}); TAPIR without extra "
    "convolutions, the causal (online) models and TAP-Net are not, and TAPNext++ is the tracker "
    "`tapnextpp`."
)


@dataclass(frozen=True)
class Parameters:
    """What the tracks depend on, besides pixels and weights."""

    grid: int = 30  # points along each axis
    size: int = 256  # pixels along each axis of the frames that the network sees


class BootsTAPIR:
    """Tracks the grid of the other trackers.

    Frames are resized to 256x256, as for the published numbers, and tracks are resized back. A
    point is visible if the probability of being unoccluded times that of being accurate is above
    one half.

    Args:
        checkpoint: Local weights file.
        parameters: Grid and size.
        device: Where to compute.

    Raises:
        ImportError: The package is not installed.
        ValueError: The checkpoint is missing, or of another model. The weights of the causal model
            have the same names and shapes, and are known by the name of their file alone.
    """

    def __init__(self, checkpoint: Path, parameters: Parameters, device: str) -> None:
        import torch

        network = _network()
        require_checkpoint(
            checkpoint, "BootsTAPIR", f"{CHECKPOINT} (Apache-2.0)", "bootstapir:/path.pt"
        )
        if checkpoint.name.startswith("causal_"):  # its tensors have the same names and shapes
            raise ValueError(f"'{checkpoint}' is a causal model by its name. {_SUPPORTED}")
        self.parameters = parameters
        self.device = device
        self.checkpoint_sha256 = tensors_sha256(checkpoint)
        model = network(pyramid_level=1)
        with loading(checkpoint, "BootsTAPIR", _SUPPORTED):
            model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        self.model = model.eval().to(device)

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on, besides the pixels."""
        import torch

        return {
            "tracker": "bootstapir",
            "version": 1,
            "package": installed_version("tapnet"),
            "checkpoint_sha256": self.checkpoint_sha256,
            "torch": torch.__version__,
            **asdict(self.parameters),
        }

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of points that begin elsewhere."""
        import torch

        height, width = video.frames.shape[1:3]
        size = self.parameters.size
        resizing = Resizing(width, height, size, size)
        points = first_points(video, self.parameters.grid, points)
        queries = resizing.there(points)[:, ::-1] + 0.5  # (y, x); here 0 is a frame's edge
        queries = np.concatenate([np.zeros((len(points), 1), np.float32), queries], axis=1)
        frames = resizing.frames(video.frames).permute(0, 2, 3, 1) / 255 * 2 - 1
        with torch.inference_mode():
            found = self.model(
                frames[None].to(self.device), torch.from_numpy(queries)[None].to(self.device)
            )
            unsure = 1 - (1 - found["occlusion"].sigmoid()) * (1 - found["expected_dist"].sigmoid())
        positions = resizing.back(found["tracks"][0].float().cpu().numpy() - 0.5)
        positions[:, 0] = points
        return Tracks(positions.astype(np.float32), (unsure[0] < 0.5).cpu().numpy())


def _network() -> Any:
    try:
        # By name: it is the user's own install, and type checkers do not have it.
        return importlib.import_module("tapnet.torch.tapir_model").TAPIR
    except ImportError as error:
        raise ImportError(
            f"TAPIR is not installed ({error}). Its code is Apache-2.0: `{INSTALL}` (the package's "
            "other requirements, JAX among them, are not needed), or use --tracker dis."
        ) from error
