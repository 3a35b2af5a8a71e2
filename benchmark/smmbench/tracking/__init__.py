"""Tracks of points: OpenCV's Lucas-Kanade or dense flow, CoTracker, or the truth."""

from smmbench.tracking.known import known_tracks
from smmbench.tracking.tracker import Tracker, open_tracker
from smmbench.tracking.types import Tracks

__all__ = ["Tracker", "Tracks", "known_tracks", "open_tracker"]
