"""Tracks by CoTracker2 or CoTracker3 (offline), from the user's own install and checkpoint.

Karaev et al., "CoTracker" (ECCV 2024) and "CoTracker3" (arXiv 2410.11831). Code and weights are
CC BY-NC 4.0 and on no package index, so they are loaded where they are and never shipped; nothing
is fetched from a moving branch.
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

COMMIT = "82e02e8029753ad4ef13cf06be7f4fc5facdda4d"
INSTALL = f"pip install git+https://github.com/facebookresearch/co-tracker@{COMMIT}"
CHECKPOINTS = {
    2: "https://huggingface.co/facebook/cotracker/resolve/main/cotracker2.pth",
    3: "https://huggingface.co/facebook/cotracker3/resolve/main/scaled_offline.pth",
}
_WINDOW = {2: 8, 3: 60}  # frames a window: what the checkpoints were trained with

_SUPPORTED = (
    "The offline models of CoTracker2 (cotracker2.pth) and CoTracker3 (scaled_offline.pth) are "
    "supported; CoTracker v1, 2.1 and the online models are not."
)


@dataclass(frozen=True)
class Parameters:
    """What the tracks depend on, besides pixels and weights."""

    grid: int = 30  # points along each axis
    generation: Literal[2, 3] = 3
    published: bool = False  # CoTracker's own grid, as the published scripts call it


class CoTracker:
    """Follows the same grid as Lucas-Kanade; a point is visible where CoTracker says so.

    CoTracker resizes the clip to 384x512 and its tracks back, tracks 6x6 additional points of
    its own, puts our points on the grid in the first frame, and calls a point visible above 0.9.
    Its own grid (`published`) begins 1/64 of the width inside every border and is tracked without
    additional points.

    Args:
        checkpoint: Local weights file.
        parameters: Grid and generation.
        device: Where to compute.

    Raises:
        ImportError: The package is not installed.
        ValueError: The checkpoint is missing or of the other generation.
    """

    def __init__(self, checkpoint: Path, parameters: Parameters, device: str) -> None:
        predictor = _predictor_class()
        generation = parameters.generation
        title = f"CoTracker{generation}"
        source = f"{CHECKPOINTS[generation]} (CC BY-NC 4.0)"
        require_checkpoint(checkpoint, title, source, f"cotracker{generation}:/path.pth")
        self.parameters = parameters
        self.device = device
        self.checkpoint_sha256 = tensors_sha256(checkpoint)
        with loading(checkpoint, f"{title} (offline)", _SUPPORTED):
            model = predictor(
                checkpoint=str(checkpoint),
                offline=True,
                v2=generation == 2,
                window_len=_WINDOW[generation],
            )
        self.model = model.to(device)

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on, besides the pixels."""
        import torch

        return {
            "tracker": f"cotracker{self.parameters.generation}",
            "version": 1,
            "package": installed_version("cotracker"),
            "checkpoint_sha256": self.checkpoint_sha256,
            "torch": torch.__version__,  # its authors see results change with it
            **self._stated(),
        }

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks of the grid, or of points that begin elsewhere."""
        import torch

        frames = torch.from_numpy(np.ascontiguousarray(video.frames)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            positions, visible = self.model(
                frames[None].float().to(self.device),  # 0 to 255
                **self._asked(video, points),
            )
        return Tracks(  # from (1, time, n, ...) to (n, time, ...)
            positions[0].permute(1, 0, 2).float().cpu().numpy(),
            visible[0].permute(1, 0).bool().cpu().numpy(),
        )

    def _stated(self) -> dict[str, Any]:
        """The parameters; `published` only where it is, so that older scores keep their key."""
        stated = asdict(self.parameters)
        if not stated["published"]:
            del stated["published"]
        return stated

    def _asked(
        self, video: Video, points: Float[np.ndarray, "n 2"] | None = None
    ) -> dict[str, Any]:
        import torch

        if self.parameters.published and points is None:
            return {"grid_size": self.parameters.grid}
        begin = torch.from_numpy(first_points(video, self.parameters.grid, points))
        queries = torch.cat([torch.zeros(len(begin), 1), begin], dim=1)  # frame, x, y
        return {"queries": queries[None].to(self.device)}


def _predictor_class() -> Any:
    try:
        # By name: it is the user's own install, and type checkers do not have it.
        return importlib.import_module("cotracker.predictor").CoTrackerPredictor
    except ImportError as error:
        raise ImportError(
            f"CoTracker is not installed ({error}). It is CC BY-NC 4.0 and on no package index: "
            f"`{INSTALL}`, or use --tracker dis."
        ) from error
