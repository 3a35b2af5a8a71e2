"""Errors against the truth, and trackers that are given where points begin."""

from __future__ import annotations

import numpy as np
import pytest

from smmbench.tracking import Tracks, open_tracker
from smmbench.tracking.checking import STEP, moving_texture
from smmbench.tracking.grid import grid_points
from smmbench.tracking.truth import track_errors


def moving_and_still() -> Tracks:
    """Two points that move 2 pixels per frame to the right and one that is still, over 5 frames."""
    x = np.array([2.0, 2.0, 0.0])[:, None] * np.arange(5)
    points = np.stack([x + 10, np.full_like(x, 20)], axis=-1)
    return Tracks(points, np.ones((3, 5), dtype=bool))


def test_the_truth_has_no_error() -> None:
    truth = moving_and_still()
    found = track_errors(truth, truth)
    assert (found.moving, found.still, found.lost, found.unsure, found.points) == (0, 0, 0, 0, 3)


def test_errors_are_distances_in_pixels_and_points_far_away_are_lost() -> None:
    truth = moving_and_still()
    points = truth.points.copy()
    points[0, 1:] += (3, 4)
    points[2, 1:] += (0, 1)
    visible = truth.visible.copy()
    visible[1] = False
    found = track_errors(truth, Tracks(points, visible))
    assert found.moving == pytest.approx(2.5) and found.still == pytest.approx(1)
    assert found.lost == 0.5 and found.unsure == pytest.approx(1 / 3)


def test_what_the_truth_does_not_see_does_not_count() -> None:
    truth = moving_and_still()
    visible = truth.visible.copy()
    visible[0, 0] = visible[1, 3:] = False
    away = truth.points.copy()
    away[0] += 50
    away[1, 3:] += 50
    found = track_errors(Tracks(truth.points, visible), Tracks(away, truth.visible))
    assert found.moving == 0 and found.points == 2 and found.lost is None
    with pytest.raises(ValueError, match="do not match ground-truth tracks"):
        track_errors(truth, Tracks(away[:2], visible[:2]))


@pytest.mark.parametrize("name", ["dis", "lucas-kanade", "farneback"])
def test_a_tracker_follows_points_that_begin_where_it_is_told(name: str) -> None:
    video = moving_texture()
    tracker = open_tracker(name, 6, "cpu")
    height, width = video.frames.shape[1:3]
    grid = tracker.track(video)
    given = tracker.track(video, grid_points(width, height, 6))
    np.testing.assert_array_equal(grid.points, given.points)
    begin = np.array([[60.25, 70.5], [101.0, 90.0]])
    found = tracker.track(video, begin).points
    np.testing.assert_allclose(found[:, 0], begin)
    np.testing.assert_allclose(found[:, -1] - begin, 7 * np.array([STEP, STEP]), atol=0.5)
