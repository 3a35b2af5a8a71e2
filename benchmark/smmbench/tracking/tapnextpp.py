"""Tracks by TAPNext++ in PyTorch, from the user's own install and checkpoint.

Jung et al., "TAPNext++: What's Next for Tracking Any Point (TAP)?" (CVPR 2026 Findings, arXiv
2604.10582), a fine-tuned TAPNext (Zholus et al., arXiv 2504.05579). Code and checkpoints are
Apache-2.0, without a clause against commercial use.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from smmbench.storage.weights_hash import tensors_sha256
from smmbench.tracking.checkpoints import loading, require_checkpoint
from smmbench.tracking.grid import first_points
from smmbench.tracking.installed import installed_version
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

COMMIT = "c2cbab81cc06092b5f05bfe2da7bfec54e2079c9"
INSTALL = (
    "pip install einops torchvision && pip install --no-deps "
    f"git+https://github.com/google-deepmind/tapnet@{COMMIT}"
)
CHECKPOINTS = {
    256: "https://storage.googleapis.com/dm-tapnet/tapnextpp/tapnextpp_ckpt.pt",
    512: "https://storage.googleapis.com/gresearch/tapnextpp/tapnextpp_512.ckpt",
}
_SUPPORTED = (
    "The PyTorch checkpoints of TAPNext++ are supported (tapnextpp_ckpt.pt as `tapnextpp`, "
    "tapnextpp_512.ckpt as `tapnextpp-512`); the JAX checkpoint of TAPNext is not."
)


@dataclass(frozen=True)
class Parameters:
    """Everything on which the tracks depend, besides pixels and weights."""

    grid: int = 30  # points along each axis
    size: Literal[256, 512] = 256  # pixels along each axis of the network's frames


class TAPNextPP:
    """Tracks the same grid as the other trackers, frame by frame, as the model was trained.

    The authors' own wrapper resizes frames to a square and tracks back. A point is visible if
    the model's visibility is above one half. Two things differ from the authors' demo: everything
    is computed in float32, where theirs uses float16 on a GPU, and the whole grid is queried at
    once. Points attend to one another within a frame, so a point's track depends slightly on
    which others are tracked with it.

    Args:
        checkpoint: Local weights file.
        parameters: Grid and size.
        device: Device that computes.

    Raises:
        ImportError: The package, or one that it needs, is not installed.
        ValueError: The checkpoint is missing, or of another model. The weights for the two sizes
            have the same names and shapes, and are distinguished only by their file names.
    """

    def __init__(self, checkpoint: Path, parameters: Parameters, device: str) -> None:
        wrapper = _wrapper()
        size = parameters.size
        spec = _spec(size)
        source = f"{CHECKPOINTS[size]} (Apache-2.0)"
        require_checkpoint(checkpoint, "TAPNext++", source, f"{spec}:/path.pt")
        _require_size(checkpoint, size)
        self.parameters = parameters
        self.checkpoint_sha256 = tensors_sha256(checkpoint)
        with loading(checkpoint, "TAPNext++", _SUPPORTED):
            self.model = wrapper.from_checkpoint(checkpoint, device=device, input_resolution=size)

    def origin(self) -> dict[str, Any]:
        """Everything on which the tracks depend, besides the pixels."""
        import torch

        return {
            "tracker": "tapnextpp",
            "version": 1,
            "package": installed_version("tapnet"),
            "checkpoint_sha256": self.checkpoint_sha256,
            "torch": torch.__version__,
            **asdict(self.parameters),
        }

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of given points."""
        points = first_points(video, self.parameters.grid, points)
        positions, visible, state = [], [], None
        for frame in video.frames:
            xy, seen, state = self.model.track_frame(
                np.ascontiguousarray(frame[..., ::-1]),  # BGR
                points + np.float32(0.5) if state is None else None,  # there 0 is a frame's edge
                state,
                autocast=False,
            )
            positions.append(xy - np.float32(0.5))
            visible.append(seen)
        found = np.stack(positions, axis=1)
        found[:, 0] = points
        return Tracks(found, np.stack(visible, axis=1))


def _spec(size: int) -> str:
    return "tapnextpp" if size == 256 else f"tapnextpp-{size}"


def _require_size(checkpoint: Path, size: int) -> None:
    """Refuse the published file of the other size: its tensors would load."""
    for other, published in CHECKPOINTS.items():
        if other != size and checkpoint.name == published.rpartition("/")[2]:
            raise ValueError(
                f"'{checkpoint}' is for frames of {other}x{other} by its name, not {size}x{size}: "
                f"--tracker {_spec(other)}:{checkpoint}"
            )


def _wrapper() -> Any:
    try:
        # By name: it is the user's own install, and type checkers do not have it.
        return importlib.import_module("tapnet.tapnextpp.votsp2026.model").TAPNextPP
    except ImportError as error:
        raise ImportError(
            f"TAPNext++ is not installed ({error}). Its code is Apache-2.0: `{INSTALL}` (the "
            "package's other requirements, JAX among them, are not needed), or use --tracker dis."
        ) from error
