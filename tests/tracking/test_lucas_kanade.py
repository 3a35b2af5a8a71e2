from __future__ import annotations

import cv2
import numpy as np
import pytest
from jaxtyping import TypeCheckError
from tests.builders.moving_textures import panned, textured

from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.tracking import Tracks, open_tracker
from smmbench.tracking.grid import grid_points
from smmbench.tracking.lucas_kanade import LucasKanade, Parameters
from smmbench.video import Video

GRID = 8


def track(video: Video, **parameters: float) -> Tracks:
    return LucasKanade(Parameters(**{"grid": GRID, **parameters})).track(video)  # type: ignore[arg-type]


def test_grid_is_the_centres_of_equal_cells() -> None:
    # 4 pixels in 2 cells: pixels 0 and 1 are the first, its centre is 0.5; then 2.5.
    np.testing.assert_allclose(
        grid_points(4, 8, 2), [[0.5, 1.5], [2.5, 1.5], [0.5, 5.5], [2.5, 5.5]]
    )
    np.testing.assert_allclose(grid_points(5, 5, 1), [[2, 2]])  # the pixel in the middle
    with pytest.raises(ValueError, match="at least one point"):
        grid_points(4, 4, 0)


def test_begins_at_the_grid_and_covers_all_frames() -> None:
    tracks = track(panned((1.0, 0.0)))
    assert tracks.points.shape == (GRID**2, 6, 2)
    np.testing.assert_array_equal(tracks.points[:, 0], grid_points(96, 80, GRID))
    assert tracks.visible[:, 0].all()


@pytest.mark.parametrize("step", [(1.5, 0.0), (0.0, -2.0), (2.0, 1.0), (-0.5, 0.25)])
def test_follows_a_pan_to_a_fraction_of_a_pixel(step: tuple[float, float]) -> None:
    tracks = track(panned(step))
    inner = (np.abs(tracks.points[:, 0] - [47.5, 39.5]) < [30, 25]).all(axis=-1)
    error = np.diff(tracks.points[inner], axis=1) - step
    assert np.abs(error).max() < 0.2
    assert tracks.visible[inner].all()


def test_a_still_video_does_not_move() -> None:
    tracks = track(panned((0.0, 0.0)))
    np.testing.assert_allclose(np.diff(tracks.points, axis=1), 0, atol=1e-3)
    assert tracks.visible.all()


def test_the_same_video_gives_the_same_tracks() -> None:
    video = panned((2.0, 1.0))
    first, again = track(video), track(video)
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.visible, again.visible)


def test_points_stay_inside_the_frame_and_are_lost_at_its_border() -> None:
    tracks = track(panned((9.0, 0.0)))
    assert (tracks.points >= 0).all()
    assert (tracks.points <= [95, 79]).all()
    leaving = tracks.points[:, 0, 0] > 80  # 5 steps of 9 pixels lead out of 96
    assert not tracks.visible[leaving, -1].any()


def test_without_texture_nothing_moves_and_nothing_is_seen() -> None:
    tracks = track(Video(np.full((4, 64, 64, 3), 90, np.uint8), 8.0))
    np.testing.assert_array_equal(np.diff(tracks.points, axis=1), 0)
    assert not tracks.visible[:, 1:].any()


def test_a_point_that_was_lost_is_not_seen_again() -> None:
    video = panned((1.0, 0.0))
    frames = video.frames.copy()
    frames[3] = 128  # a grey frame in between
    visible = track(Video(frames, 8.0)).visible
    assert visible[:, 2].any()
    assert not visible[:, 3:].any()


def test_a_cut_is_noticed_by_following_back() -> None:
    video = panned((1.0, 0.0))
    frames = video.frames.copy()
    frames[3:] = textured(80, 96, seed=9)[None, ..., None]
    visible = track(Video(frames, 8.0)).visible
    assert visible[:, 2].mean() > 0.8
    assert visible[:, 3].mean() < 0.3


def test_motion_fidelity_of_tracked_videos() -> None:
    source = track(panned((2.0, 1.0))).points
    other_pixels = track(panned((1.0, 0.5))).points  # the same direction at half the speed
    assert motion_fidelity(source, source).mean == pytest.approx(1)
    assert motion_fidelity(source, other_pixels).mean > 0.95
    # Not -1: points that leave the frame wait at its border, and waiting agrees with waiting.
    assert motion_fidelity(source, track(panned((-2.0, -1.0))).points).mean < 0
    assert motion_fidelity(source, track(panned((0.0, 0.0))).points).mean == 0


def test_a_tracker_is_found_by_its_name() -> None:
    tracker = open_tracker("lucas-kanade", GRID, "cpu")
    origin = tracker.origin()
    assert (origin["tracker"], origin["grid"], origin["window"]) == ("lucas-kanade", GRID, 21)
    assert origin["opencv"] == cv2.__version__
    with pytest.raises(
        LookupError, match=r"No tracker 'lukas-kanade'.*Did you mean 'lucas-kanade'"
    ):
        open_tracker("lukas-kanade", GRID, "cpu")


def test_tracks_refuse_shapes_and_numbers_that_are_none() -> None:
    points, visible = np.zeros((3, 4, 2)), np.ones((3, 4), dtype=bool)
    with pytest.raises((ValueError, TypeCheckError)):
        Tracks(points[..., :1], visible)
    with pytest.raises((ValueError, TypeCheckError)):
        Tracks(points, visible[:2])
    with pytest.raises(ValueError, match="not finite"):
        Tracks(np.full((3, 4, 2), np.inf), visible)
