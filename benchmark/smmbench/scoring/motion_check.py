"""Checks that something moves in a clip, as measured by motion fidelity."""

from __future__ import annotations

from smmbench.dataset import ClipCheck, Protocol
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.moving import steps_of
from smmbench.tracking import open_tracker
from smmbench.video import Video


def motion_check(protocol: Protocol) -> ClipCheck:
    """Build the check that something moves in a clip, by the protocol's tracker and threshold.

    A clip in which nothing moves has no motion to transfer or to score.

    Raises:
        LookupError: There is no such tracker.
        ImportError: The tracker is not installed.
        ValueError: Its checkpoint is missing.
    """
    tracker = open_tracker(protocol.tracker, protocol.grid, "cpu")
    threshold, rule = protocol.still_threshold, Conventions()

    def fault(video: Video) -> str:
        tracks = tracker.track(video)
        steps = steps_of(tracks.points, tracks.visible, threshold, rule)
        if steps.moving.any():
            return ""
        longest = float(steps.lengths.max(initial=0))
        if longest <= threshold:
            return (
                f"nothing moves: the longest step of a track is {longest:.2f} pixels, the "
                f"protocol's still_threshold is {threshold:g}."
            )
        return (
            f"nothing moves for long enough: no track has {rule.moving_share:.0%} of its steps "
            f"longer than the protocol's still_threshold, {threshold:g} pixels."
        )

    return fault
