"""What a tracker is, and how one is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from smmbench.plugins import no_such
from smmbench.tracking.types import Tracks
from smmbench.video.types import Video

FORMS = ("lucas-kanade", "dis", "cotracker3:/path.pth", "cotracker2:/path.pth")


@runtime_checkable
class Tracker(Protocol):
    """Follows points through a clip."""

    def track(self, video: Video) -> Tracks:
        """Tracks over all frames of `video`, in its pixels."""

    def origin(self) -> dict[str, Any]:
        """Everything that the tracks depend on besides the pixels, as JSON has it."""


def open_tracker(spec: str, grid: int, device: str) -> Tracker:
    """Build a tracker from its name.

    Args:
        spec: `lucas-kanade`, `dis`, or `cotracker3:/path.pth` or `cotracker2:/path.pth` with a
            local checkpoint (`cotracker:` is short for `cotracker3:`).
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
    if kind in ("cotracker", "cotracker2", "cotracker3"):
        from smmbench.tracking import cotracker

        parameters = cotracker.Parameters(grid=grid, generation=2 if kind == "cotracker2" else 3)
        return cotracker.CoTracker(Path(path).expanduser(), parameters, device)
    raise LookupError(no_such("tracker", spec, FORMS))
