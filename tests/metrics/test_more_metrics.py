"""Auxiliary metrics: closed forms, invariants, and what they reject."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from smmbench.metrics.dino_consistency import dino_consistency
from smmbench.metrics.end_point_error import end_point_error
from smmbench.metrics.flow import Flow, flow_of, pull, seen_before
from smmbench.metrics.frame_accuracy import frame_accuracy
from smmbench.metrics.ftd import frechet_distances, ftd
from smmbench.metrics.temporal_consistency import temporal_consistency
from smmbench.metrics.temporal_consistency_pairs import temporal_consistency_pairs
from smmbench.metrics.warp_error import warp_error

RIGHT, UP = np.array([1.0, 0]), np.array([0, 1.0])


def at(*degrees: float) -> np.ndarray:
    """Embeddings in a plane, of different lengths."""
    angles = np.radians(degrees)
    lengths = 1 + np.arange(len(angles))[:, None]
    directions: np.ndarray = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return lengths * directions


def panned(step: tuple[int, int], count: int = 5, seed: int = 0) -> np.ndarray:
    """Smooth random colours that move by whole pixels a frame: (frames, 64, 80, 3)."""
    noise = np.random.default_rng(seed).normal(size=(160, 176, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    ground = (255 * (smooth - smooth.min()) / (smooth.max() - smooth.min())).astype(np.uint8)
    tops = [(48 - step[1] * t, 48 - step[0] * t) for t in range(count)]
    return np.stack([ground[y : y + 64, x : x + 80] for y, x in tops])


def constant_flow(x: float, y: float, steps: int = 3) -> Flow:
    forward = np.broadcast_to(np.array([x, y], dtype=np.float32), (steps, 20, 30, 2)).copy()
    return Flow(forward, -forward)


def test_temporal_consistency_is_over_consecutive_frames_or_all_pairs() -> None:
    # Steps of 60 and 30 degrees: cosines 1/2 and sqrt(3)/2; from first to last 90 degrees: 0.
    frames = at(0, 60, 90)
    assert temporal_consistency(frames) == pytest.approx((0.5 + 0.75**0.5) / 2)
    assert temporal_consistency_pairs(frames) == pytest.approx((0.5 + 0.75**0.5 + 0) / 3)
    # First: 1/2 and 0; one before: 1/2 and sqrt(3)/2.
    assert dino_consistency(frames) == pytest.approx((0.5 + 0.5 + 0 + 0.75**0.5) / 4)


@pytest.mark.parametrize(
    "metric", [temporal_consistency, temporal_consistency_pairs, dino_consistency]
)
def test_a_frozen_video_is_consistent_and_one_frame_is_nothing(
    metric: Callable[[np.ndarray], float],
) -> None:
    assert metric(at(40, 40, 40)) == pytest.approx(1)
    assert metric(at(0, 180)) == pytest.approx(-1)
    with pytest.raises(ValueError, match="two frames, got 1"):
        metric(at(0))
    with pytest.raises(ValueError, match="no direction"):
        metric(np.zeros((2, 2)))


def test_all_pairs_is_the_mean_over_every_two_frames_in_any_order() -> None:
    frames = np.random.default_rng(0).normal(size=(7, 5))
    units = frames / np.linalg.norm(frames, axis=-1, keepdims=True)
    each = [float(a @ b) for a, b in itertools.combinations(units, 2)]
    assert temporal_consistency_pairs(frames) == pytest.approx(np.mean(each))
    assert temporal_consistency_pairs(frames[::-1]) == pytest.approx(np.mean(each))
    assert temporal_consistency(frames[::-1]) == pytest.approx(temporal_consistency(frames))


def test_frame_accuracy_counts_frames_nearer_to_the_target() -> None:
    # 10 and 44 degrees are nearer to the right, 80 to the top, and 45 is as near to both.
    frames = np.concatenate([at(10, 44, 80), [[2.0, 2.0]]])
    assert frame_accuracy(frames, 3 * RIGHT, UP) == 0.5
    assert frame_accuracy(frames[:3], UP, RIGHT) == pytest.approx(1 / 3)
    assert frame_accuracy(frames, RIGHT, RIGHT) == 0  # one prompt for both says nothing
    with pytest.raises(ValueError, match="at least one frame"):
        frame_accuracy(np.zeros((0, 2)), RIGHT, UP)


def test_the_frechet_distance_is_that_of_the_definition() -> None:
    # The least over all ways to walk both to the end, by brute force.
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 3, 2))

    def walks(i: int, j: int) -> list[list[tuple[int, int]]]:
        if (i, j) == (0, 0):
            return [[(0, 0)]]
        before = [(i - s, j - t) for s, t in ((1, 0), (0, 1), (1, 1)) if i >= s and j >= t]
        return [[*walk, (i, j)] for place in before for walk in walks(*place)]

    for n, found in enumerate(frechet_distances(a, b)):
        leashes = (
            max(float(np.linalg.norm(a[n, i] - b[n, j])) for i, j in walk) for walk in walks(3, 2)
        )
        assert found == pytest.approx(min(leashes))


def test_ftd_of_shifted_tracks_is_the_shift_in_frames() -> None:
    rng = np.random.default_rng(0)
    tracks = rng.uniform(0, 100, size=(6, 5, 2))
    assert ftd(tracks, tracks, 200, 100) == 0
    # 20 of 200 pixels to the right is .1; 30 of 100 down is .3; half of the tracks each.
    moved = tracks.copy()
    moved[:3, :, 0] += 20
    moved[3:, :, 1] += 30
    # A walk may use other frames, so the shift is an upper bound unless points are far apart.
    line = np.zeros((2, 5, 2))
    line[..., 0] = 1000 * np.arange(5)
    shifted = line + np.array([[[20.0, 0]], [[0, 30.0]]])
    assert ftd(line, shifted, 200, 100) == pytest.approx(((0.1**2 + 0.3**2) / 2) ** 0.5)
    assert 0 < ftd(tracks, moved, 200, 100) <= ((0.1**2 + 0.3**2) / 2) ** 0.5 + 1e-12


def test_ftd_sees_place_and_not_pace() -> None:
    path = np.stack([np.arange(9.0), np.zeros(9)], axis=-1)[None]
    paused = np.repeat(path, 2, axis=1)  # half the speed, the same path
    assert ftd(path, paused, 10, 10) == 0
    assert ftd(path, path[:, ::-1].copy(), 10, 10) == pytest.approx(0.8)
    with pytest.raises(ValueError, match="got 1 and 2 tracks"):
        ftd(path, np.repeat(path, 2, axis=0), 10, 10)
    with pytest.raises(ValueError, match="at least one track"):
        ftd(path[:0], path[:0], 10, 10)


def test_end_point_error_is_the_distance_of_the_flows() -> None:
    still, moved = constant_flow(0, 0), constant_flow(3, 4)
    assert end_point_error(still.forward, moved.forward) == pytest.approx(5)
    assert end_point_error(moved.forward, moved.forward) == 0
    half = moved.forward.copy()
    half[:, :10] = 0
    assert end_point_error(half, moved.forward) == pytest.approx(2.5)
    with pytest.raises(ValueError, match="one shape"):
        end_point_error(still.forward, moved.forward[:1])


def test_warp_error_is_nothing_along_the_flow() -> None:
    frames = np.zeros((4, 20, 30, 3), dtype=np.uint8)
    ground = np.random.default_rng(0).integers(0, 256, (20, 60, 3), dtype=np.uint8)
    for t in range(4):
        frames[t] = ground[:, 20 - 2 * t : 50 - 2 * t]  # 2 pixels a frame to the right
    assert warp_error(frames, constant_flow(2, 0)) == pytest.approx(0, abs=1e-6)
    assert warp_error(frames, constant_flow(0, 0)) > 50


def test_warp_error_of_a_flicker_is_its_square() -> None:
    frames = np.zeros((4, 20, 30, 3), dtype=np.uint8)
    frames[1::2] = 51  # a fifth of white: its square is 40 thousandths
    assert warp_error(frames, constant_flow(2, 1)) == pytest.approx(40, rel=1e-5)
    assert warp_error(np.full_like(frames, 9), constant_flow(2, 1)) == pytest.approx(0)


def test_warp_error_refuses_another_size_and_a_flow_that_sees_nothing() -> None:
    frames = np.zeros((4, 20, 30, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"4 frames of 30x20 pixels, the output has 3 of 30x20"):
        warp_error(frames[:3], constant_flow(0, 0))
    with pytest.raises(ValueError, match="No pixel of the source is seen"):
        warp_error(frames, constant_flow(100, 0))


def test_what_comes_from_outside_or_goes_elsewhere_is_not_seen() -> None:
    seen = seen_before(constant_flow(2, 0))
    assert not seen[:, :, :2].any() and seen[:, :, 2:].all()
    flow = constant_flow(2, 0)
    flow.forward[:] = 9  # back again it does not come to where it was
    assert not seen_before(flow).any()


def test_an_image_is_pulled_from_where_the_flow_points() -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4, 1).repeat(3, axis=-1)
    displacement = np.zeros((3, 4, 2), dtype=np.float32)
    displacement[..., 0] = 0.5
    pulled, inside = pull(image, displacement)
    np.testing.assert_allclose(pulled[:, :3, 0], image[:, :3, 0] + 0.5)
    assert inside[:, :3].all() and not inside[:, 3].any()


def test_the_flow_of_a_pan_is_its_step() -> None:
    flow = flow_of(panned((3, -2)))
    assert flow.forward.shape == (4, 64, 80, 2)
    inner = flow.forward[:, 16:-16, 16:-16].mean(axis=(0, 1, 2))
    np.testing.assert_allclose(inner, [3, -2], atol=0.1)
    back = flow.backward[:, 16:-16, 16:-16].mean(axis=(0, 1, 2))
    np.testing.assert_allclose(back, [-3, 2], atol=0.1)
    with pytest.raises(ValueError, match=r"16x16 pixels or more, got 80x12"):
        flow_of(panned((0, 0))[:, :12])
    with pytest.raises(ValueError, match="two frames, got 1"):
        flow_of(panned((0, 0))[:1])


def test_errors_by_flow_grow_with_the_difference_of_motion() -> None:
    source = panned((3, 0))
    flow = flow_of(source)
    outputs = [panned((x, 0), seed=1) for x in (3, 1, -3)]
    errors = [end_point_error(flow.forward, flow_of(one).forward) for one in outputs]
    assert errors == sorted(errors) and errors[0] < 0.5
    warped = [warp_error(one, flow) for one in outputs]
    assert warped == sorted(warped)
    assert warp_error(source, flow) < 1
