"""The interface of trackers, and their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from smmbench.plugins import no_such
from smmbench.tracking import alltracker, cotracker, tapir, tapnextpp
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video


@dataclass(frozen=True)
class Kind:
    """A known tracker.

    Attributes:
        form: Form of its name: `lucas-kanade`, or `cotracker3:/path.pth` with a checkpoint.
        title: Its title.
        license: License of its code and weights.
        install: How to install its code; empty if it is part of smmbench's requirements.
        checkpoint: Where its weights are published; empty for none.
    """

    form: str
    title: str
    license: str
    install: str = ""
    checkpoint: str = ""

    @property
    def name(self) -> str:
        """Without the checkpoint."""
        return self.form.partition(":")[0]


KINDS = (
    Kind("lucas-kanade", "OpenCV's pyramidal Lucas-Kanade", "Apache-2.0"),
    Kind("dis", "OpenCV's dense flow DIS, followed from frame to frame", "Apache-2.0"),
    Kind(
        "farneback", "OpenCV's dense flow by Farnebäck, followed from frame to frame", "Apache-2.0"
    ),
    Kind(
        "bootstapir:/path.pt",
        "BootsTAPIR (offline)",
        "Apache-2.0",
        tapir.INSTALL,
        tapir.CHECKPOINT,
    ),
    Kind(
        "tapnextpp:/path.pt",
        "TAPNext++ at 256x256",
        "Apache-2.0",
        tapnextpp.INSTALL,
        tapnextpp.CHECKPOINTS[256],
    ),
    Kind(
        "tapnextpp-512:/path.ckpt",
        "TAPNext++ at 512x512",
        "Apache-2.0",
        tapnextpp.INSTALL,
        tapnextpp.CHECKPOINTS[512],
    ),
    Kind(
        "alltracker:/path.pth",
        "AllTracker; needs an NVIDIA GPU",
        "MIT",
        alltracker.INSTALL,
        alltracker.CHECKPOINT,
    ),
    Kind(
        "cotracker3:/path.pth",
        "CoTracker3 (offline)",
        "CC BY-NC 4.0: no commercial use",
        cotracker.INSTALL,
        cotracker.CHECKPOINTS[3],
    ),
    Kind(
        "cotracker2:/path.pth",
        "CoTracker2 (offline)",
        "CC BY-NC 4.0: no commercial use",
        cotracker.INSTALL,
        cotracker.CHECKPOINTS[2],
    ),
)
# `cotracker2-grid55` is the grid of 55 x 55 points that the published scripts track.
_COTRACKER = re.compile(r"cotracker(?P<generation>[23])?(-grid(?P<grid>[1-9]\d?))?")

FORMS = tuple(kind.form for kind in KINDS)


@runtime_checkable
class Tracker(Protocol):
    """Tracks points through a clip."""

    def track(self, video: Video, points: Float[np.ndarray, "n 2"] | None = None) -> Tracks:
        """Tracks over all frames of `video`, in its pixels.

        Args:
            video: The clip.
            points: Where the points are in its first frame; None for the tracker's grid.
        """

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on besides the pixels, as JSON has it."""


def open_tracker(spec: str, grid: int, device: str) -> Tracker:
    """Build a tracker from its name.

    Args:
        spec: One of `KINDS`, such as `dis`, or `cotracker3:/path.pth` with a local checkpoint
            (`cotracker:` is short for `cotracker3:`). `cotracker2-grid55:/path.pth` takes the
            grid of the published scripts instead, of 55 x 55 points here.
        grid: Points along each axis of the first frame.
        device: Where a learned tracker computes.

    Raises:
        LookupError: No such tracker.
        ImportError: The package of that tracker is not installed.
        ValueError: Its checkpoint is missing.
    """
    kind, _, path = spec.partition(":")
    if kind == "lucas-kanade" and not path:
        from smmbench.tracking import lucas_kanade

        return lucas_kanade.LucasKanade(lucas_kanade.Parameters(grid=grid))
    if kind == "dis" and not path:
        from smmbench.tracking import dense_flow

        return dense_flow.DenseFlow(dense_flow.Parameters(grid=grid))
    if kind == "farneback" and not path:
        from smmbench.tracking import farneback

        return farneback.Farneback(farneback.Parameters(grid=grid))
    if named := _COTRACKER.fullmatch(kind):
        parameters = cotracker.Parameters(
            grid=int(named["grid"] or grid),
            generation=2 if named["generation"] == "2" else 3,
            published=bool(named["grid"]),
        )
        return cotracker.CoTracker(Path(path).expanduser(), parameters, device)
    if kind == "bootstapir":
        return tapir.BootsTAPIR(Path(path).expanduser(), tapir.Parameters(grid=grid), device)
    if kind in ("tapnextpp", "tapnextpp-512"):
        size: Literal[256, 512] = 512 if kind.endswith("-512") else 256
        asked = tapnextpp.Parameters(grid=grid, size=size)
        return tapnextpp.TAPNextPP(Path(path).expanduser(), asked, device)
    if kind == "alltracker":
        checkpoint = Path(path).expanduser()
        return alltracker.AllTracker(checkpoint, alltracker.Parameters(grid=grid), device)
    raise LookupError(f"{no_such('tracker', spec, FORMS)}{_unsupported(kind)}")


def _unsupported(kind: str) -> str:
    """Say of a tracker that people may have that it is not one of these."""
    if kind.startswith("cotracker"):
        return " Of CoTracker the offline models 2 and 3 are supported; v1, 2.1 and online are not."
    if kind.startswith(("tap", "bootstap")):
        return (
            " Of the TAP family BootsTAPIR (offline) and TAPNext++ are supported; TAP-Net, TAPIR, "
            "causal models and TAPNext are not."
        )
    return ""
