"""Auxiliary metrics of motion, the foreground, and chance levels."""

from __future__ import annotations

import numpy as np
import pytest

from smmbench.metrics.chance import chance_floor, expected_best
from smmbench.metrics.companions import direction_cosine, moving_share, speed_ratio
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.foreground import begins_on, moves_otherwise
from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.metrics.moving import Steps, steps_of

RIGHT, DOWN, STILL = (2.0, 0.0), (0.0, 2.0), (0.0, 0.0)


def tracks(*steps: tuple[float, float], frames: int = 9) -> np.ndarray:
    return 10.0 + np.arange(frames)[None, :, None] * np.array(steps)[:, None, :]


def steps(points: np.ndarray) -> Steps:
    return steps_of(points, None, 0.5, Conventions())


@pytest.mark.parametrize("factor", [0.5, 1.0, 10.0])
def test_speed_ratio_sees_what_motion_fidelity_does_not(factor: float) -> None:
    source = tracks(RIGHT, DOWN, STILL)
    output = source[:, :1] + factor * (source - source[:, :1])
    assert motion_fidelity(source, output).mean == pytest.approx(1)
    assert speed_ratio(steps(source), steps(output)) == pytest.approx(factor)


def test_speed_ratio_at_its_ends() -> None:
    moving, still = steps(tracks(RIGHT)), steps(tracks(STILL))
    assert speed_ratio(moving, still) == 0
    with pytest.raises(ValueError, match="Nothing in the source moves"):
        speed_ratio(still, moving)
    # A track that rests in half of its steps is half as fast: steps of 2 and 0.
    x = np.array([0.0, 2, 2, 4, 4, 6, 6, 8, 8])
    halting = np.stack([x, np.zeros(9)], axis=-1)[None]
    assert speed_ratio(moving, steps(halting)) == pytest.approx(0.5)


def test_direction_cosine_compares_the_same_place() -> None:
    # Two go right and down; the output has both motions, at each other's place.
    source, output = tracks(RIGHT, DOWN), tracks(DOWN, RIGHT)
    assert motion_fidelity(source, output).mean == pytest.approx(1)
    assert direction_cosine(steps(source), steps(output)) == pytest.approx(0, abs=1e-12)
    assert direction_cosine(steps(source), steps(source)) == pytest.approx(1)
    reversed_ = 2 * source[:, :1] - source
    assert direction_cosine(steps(source), steps(reversed_)) == pytest.approx(-1)


def test_direction_cosine_of_tracks_that_stand_still() -> None:
    # Right with right: 1; right with still: 0; still with still does not count: 1 / 2.
    source, output = tracks(RIGHT, RIGHT, STILL), tracks(RIGHT, STILL, STILL)
    assert direction_cosine(steps(source), steps(output)) == pytest.approx(0.5)
    frozen = tracks(STILL, STILL, STILL)
    assert direction_cosine(steps(source), steps(frozen)) == 0
    assert direction_cosine(steps(frozen), steps(frozen)) == 0
    with pytest.raises(ValueError, match="need equal numbers"):
        direction_cosine(steps(source), steps(output[:2]))


def test_direction_cosine_of_still_steps_within_moving_tracks() -> None:
    # Steps in x: 2 0 2 0 and 2 2 0 0: 1, still against moving 0 twice, both still: left out.
    def along(*x: float) -> np.ndarray:
        points = np.zeros((1, 5, 2))
        points[0, 1:, 0] = np.cumsum(x)
        return points

    value = direction_cosine(steps(along(2, 0, 2, 0)), steps(along(2, 2, 0, 0)))
    assert value == pytest.approx(1 / 3)


def test_moving_share_counts_tracks() -> None:
    assert moving_share(steps(tracks(RIGHT, STILL, STILL, DOWN))) == 0.5
    assert moving_share(steps(np.zeros((0, 9, 2)))) == 0


def scene(pan: float, zoom: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A panning, zooming background with an object that goes down; and which tracks are its."""
    x, y = np.meshgrid(np.arange(20) * 16.0 + 8, np.arange(12) * 16.0 + 8)
    start = np.stack([x.ravel(), y.ravel()], axis=-1)
    centre = start.mean(axis=0)
    on = (np.abs(start - centre) < 40).all(axis=1)
    at = np.arange(10)[:, None, None]
    back = centre + (start - centre) * zoom**at + at * np.array([pan, 0.0])
    front = start + at * np.array([0.0, 3.0])
    points = np.where(on[:, None], front, back)
    return np.moveaxis(points, 0, 1), on


@pytest.mark.parametrize(("pan", "zoom"), [(0.0, 1.0), (4.0, 1.0), (-2.0, 1.02)])
def test_the_object_is_what_moves_otherwise_than_the_camera(pan: float, zoom: float) -> None:
    points, on = scene(pan, zoom)
    rng = np.random.default_rng(0)
    jittered = points + rng.normal(0, 0.1, points.shape)
    found = moves_otherwise(jittered, 0.5)
    assert (found == on).all()
    assert (moves_otherwise(jittered, 0.5) == found).all()  # nothing is drawn anew


def test_nothing_moves_otherwise_where_all_move_alike_or_not_at_all() -> None:
    assert not moves_otherwise(tracks(RIGHT, RIGHT, RIGHT, RIGHT), 0.5).any()
    assert not moves_otherwise(tracks(STILL, STILL), 0.5).any()


def test_a_track_begins_on_the_mask_by_its_nearest_pixel() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[2, 3] = True
    starts = np.array([[3.0, 2.0], [3.49, 1.5], [3.5, 2.0], [2.4, 2.0], [-1, 2], [3, 99]])
    found = begins_on(np.repeat(starts[:, None], 2, axis=1), mask)
    assert found.tolist() == [True, True, False, False, False, False]


def test_the_foreground_shows_a_lost_object_that_the_whole_hides() -> None:
    points, on = scene(4.0)
    lost = points.copy()
    lost[on] = lost[on][:, :1] + np.arange(10)[:, None] * np.array([4.0, 0.0])  # as the background
    whole = motion_fidelity(points, lost)
    front = motion_fidelity(points, lost, source_mask=on, output_mask=on)
    assert whole.mean > 0.9
    assert front.mean == pytest.approx(0, abs=1e-12)  # down against right


def drawn(points: int, steps: int, seed: int) -> np.ndarray:
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, (points, steps))
    path = np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=-1), axis=1)
    return np.concatenate([np.zeros((points, 1, 2)), path], axis=1)


@pytest.mark.parametrize(("n", "m", "steps"), [(100, 100, 23), (400, 60, 15), (900, 900, 48)])
def test_the_floor_is_what_random_tracks_score(n: int, m: int, steps: int) -> None:
    # One draw is a mean over n + m best matches; these lean on the same tracks, hence .015.
    found = [
        motion_fidelity(drawn(n, steps, seed), drawn(m, steps, seed + 1), still_threshold=0.0).mean
        for seed in (0, 2, 4)
    ]
    assert chance_floor(n, m, steps) == pytest.approx(np.mean(found), abs=0.015)


@pytest.mark.parametrize(
    ("points", "steps", "known"),
    [(100, 23, 0.373), (900, 23, 0.464), (3025, 23, 0.509), (900, 48, 0.326), (3025, 48, 0.358)],
)
def test_the_floor_agrees_with_independent_draws(points: int, steps: int, known: float) -> None:
    assert chance_floor(points, points, steps) == pytest.approx(known, abs=0.01)


def test_the_floor_in_closed_form() -> None:
    # One step and one track: the cosine of a random angle, mean 0. Of two, the larger: their mean
    # difference is half of E|cos a - cos b| = 8 / pi^2, so 4 / pi^2.
    assert expected_best(1, 1) == pytest.approx(0, abs=1e-6)
    assert expected_best(2, 1) == pytest.approx(4 / np.pi**2, abs=1e-4)
    assert expected_best(1, 23) == pytest.approx(0, abs=1e-6)
    assert chance_floor(10, 40, 15) == pytest.approx(
        (expected_best(10, 15) + expected_best(40, 15)) / 2
    )
    assert chance_floor(10, 0, 15) == 0


def test_the_floor_rises_with_tracks_and_falls_with_steps() -> None:
    by_tracks = [chance_floor(n, n, 15) for n in (1, 10, 100, 1000, 10_000)]
    by_steps = [chance_floor(900, 900, k) for k in (8, 15, 23, 48)]
    assert by_tracks == sorted(by_tracks)
    assert by_steps == sorted(by_steps, reverse=True)
    with pytest.raises(ValueError, match="at least one step"):
        chance_floor(10, 10, 0)
