"""Dense flow from frame to frame: dense inverse search and Farnebäck."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.builders.moving_textures import panned, textured

from smmbench.dataset import clip_named, load_dataset, source_video, true_tracks
from smmbench.tracking import Tracks, open_tracker
from smmbench.tracking.farneback import Farneback, Parameters
from smmbench.tracking.flow_field import flow_of
from smmbench.tracking.grid import grid_points
from smmbench.tracking.truth import track_errors
from smmbench.video import Video

GRID = 8
DENSE = ("dis", "farneback")
both = pytest.mark.parametrize("name", DENSE)


def dense(name: str, video: Video, grid: int = GRID) -> Tracks:
    return open_tracker(name, grid, "cpu").track(video)


@both
@pytest.mark.parametrize("step", [(1.5, 0.0), (0.0, -2.0), (2.0, 1.0), (-0.5, 0.25)])
def test_follows_a_pan_to_a_fraction_of_a_pixel(name: str, step: tuple[float, float]) -> None:
    tracks = dense(name, panned(step))
    np.testing.assert_array_equal(tracks.points[:, 0], grid_points(96, 80, GRID))
    inner = (np.abs(tracks.points[:, 0] - [47.5, 39.5]) < [30, 25]).all(axis=-1)
    assert np.abs(np.diff(tracks.points[inner], axis=1) - step).max() < 0.2
    assert tracks.visible[inner].all()


@both
def test_a_still_video_does_not_move(name: str) -> None:
    video = panned((0.0, 0.0))
    np.testing.assert_allclose(np.diff(dense(name, video).points, axis=1), 0, atol=1e-3)


def test_the_margin_keeps_the_border_of_a_still_video_still() -> None:
    still, begin = panned((0.0, 0.0)), grid_points(96, 80, 30)[:, None]
    drift = {
        margin: np.abs(Farneback(Parameters(margin=margin)).track(still).points - begin).max()
        for margin in (0, 64)
    }
    assert drift[64] < 1e-3 < 0.05 < drift[0]


@both
def test_tracks_do_not_depend_on_the_number_of_threads(name: str) -> None:
    video, threads = panned((2.0, 1.0)), cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = dense(name, video)
        cv2.setNumThreads(4)
        four = dense(name, video)
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(one.points, four.points)
    np.testing.assert_array_equal(one.visible, four.visible)


def mirror(points: np.ndarray) -> np.ndarray:
    return np.stack([95 - points[..., 0], points[..., 1]], axis=-1)


@both
def test_a_mirrored_video_has_mirrored_tracks(name: str) -> None:
    video = panned((2.0, 1.0))
    turned = Video(np.ascontiguousarray(video.frames[:, :, ::-1]), 8.0)
    begin = np.array([[40.0, 30.0], [55.0, 41.0]])
    tracker = open_tracker(name, GRID, "cpu")
    found = tracker.track(video, begin).points
    mirrored = tracker.track(turned, mirror(begin)).points
    np.testing.assert_allclose(mirror(mirrored), found, atol=0.2)


@both
def test_points_stay_in_the_frame(name: str) -> None:
    tracks = dense(name, panned((9.0, 0.0)))
    assert (tracks.points >= 0).all()
    assert (tracks.points <= [95, 79]).all()


def test_a_cut_is_noticed() -> None:
    frames = panned((1.0, 0.0)).frames.copy()
    frames[3:] = textured(80, 96, seed=9)[None, ..., None]
    visible = {name: dense(name, Video(frames, 8.0)).visible.mean(axis=0) for name in DENSE}
    assert min(before[2] for before in visible.values()) > 0.8
    assert visible["dis"][3] < 0.3
    # Farnebäck's flow finds little motion across a cut, and the same little motion on the way back.
    assert visible["dis"][3] < visible["farneback"][3] < visible["farneback"][2] - 0.2


@both
def test_a_point_that_is_covered_is_marked_and_not_seen_again(name: str) -> None:
    """A square of another texture passes over still ground, six pixels a frame."""
    ground, square = textured(96, 96), textured(32, 32, seed=5)
    frames = np.stack([ground] * 12)
    for t, frame in enumerate(frames):
        right = 6 * (t + 1)  # from column right - 32, the left part of it outside the frame
        frame[32:64, max(0, right - 32) : right] = square[:, max(0, 32 - right) :]
    covered = np.array([[x, 48.0] for x in np.arange(20.0, 44.0, 4.0)])
    beside = np.array([[48.0, 10.0], [48.0, 86.0]])
    video = Video(np.repeat(frames[..., None], 3, axis=-1), 8.0)
    found = open_tracker(name, GRID, "cpu").track(video, np.concatenate([covered, beside]))
    assert not found.visible[: len(covered), -1].any()
    assert found.visible[len(covered) :].all()
    np.testing.assert_allclose(found.points[len(covered) :, -1], beside, atol=0.1)
    assert (np.diff(found.visible.astype(int), axis=1) <= 0).all()


@both
def test_the_error_against_the_ground_truth_of_a_clip_is_better_than_standing_still(
    name: str,
) -> None:
    dataset = load_dataset("emoji")
    clip = clip_named(dataset, "balloon-right")
    truth = true_tracks(dataset, clip)
    found = open_tracker(name, GRID, "cpu").track(source_video(dataset, clip), truth.points[:, 0])
    still = np.repeat(truth.points[:, :1], truth.points.shape[1], axis=1)
    standing = track_errors(truth, Tracks(still, truth.visible)).moving
    error = track_errors(truth, found).moving
    assert error is not None and standing is not None and error < standing / 2


@both
def test_points_are_looked_up_in_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    video = panned((2.0, 1.0))
    whole = dense(name, video)
    monkeypatch.setattr("smmbench.tracking.flow_field.LOOKS", 7)
    np.testing.assert_array_equal(dense(name, video).points, whole.points)
    monkeypatch.undo()
    # More points than OpenCV takes at once.
    many = dense(name, Video(video.frames[:2], 8.0), grid=182)
    assert many.points.shape == (182**2, 2, 2)


def test_the_field_is_interpolated_between_pixels_and_continued_beyond_the_border() -> None:
    field = np.zeros((4, 5, 2), np.float32)
    field[..., 0] = np.arange(5)  # a point moves to the right by its x
    grey = np.zeros((4, 5), np.uint8)
    points = np.array([[1.0, 2.0], [2.5, 0.5], [-3.0, 1.0], [9.0, 1.0]], np.float32)
    moved, found = flow_of(lambda before, after: field)(grey, grey, points)
    np.testing.assert_allclose(moved, np.array([[2, 2], [5, 0.5], [-3, 1], [13, 1]]))
    assert found.all()


def test_dis_refuses_tiny_frames_and_farneback_takes_them() -> None:
    tiny = Video(np.zeros((2, 8, 8, 3), np.uint8), 8.0)
    with pytest.raises(ValueError, match=r"16x16 pixels or more, got 8x8; use lucas-kanade"):
        dense("dis", tiny)
    assert np.ptp(dense("farneback", tiny).points, axis=1).max() == 0


@both
def test_a_dense_tracker_is_found_by_its_name(name: str) -> None:
    origin = open_tracker(name, GRID, "cpu").origin()
    assert (origin["tracker"], origin["grid"], origin["opencv"]) == (name, GRID, cv2.__version__)


def test_farneback_names_every_parameter_in_its_origin() -> None:
    one, other = (Farneback(Parameters(window=side)).origin() for side in (15, 21))
    assert one != other and {**one, "window": 21} == other
