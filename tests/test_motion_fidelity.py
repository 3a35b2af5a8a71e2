from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from smmbench.metrics.chance import chance_floor
from smmbench.metrics.motion_fidelity import MotionFidelity, motion_fidelity

FRAMES = 24
C = 0.668  # cosine between the object's and the background's direction in the known values


def slow_motion_fidelity(
    source: np.ndarray, output: np.ndarray, threshold: float
) -> tuple[float, float]:
    """The definition in loops: (output to source, source to output)."""

    def steps(track: np.ndarray) -> list[np.ndarray]:
        return [track[k + 1] - track[k] for k in range(len(track) - 1)]

    def moves(track: np.ndarray) -> bool:
        return threshold == 0 or any(np.hypot(*step) > threshold for step in steps(track))

    def agreement(v: np.ndarray, w: np.ndarray) -> float:
        v_still, w_still = np.hypot(*v) <= threshold, np.hypot(*w) <= threshold
        if v_still and w_still:
            return 0.0 if threshold == 0 else 1.0
        if v_still or w_still:
            return 0.0
        return float(v @ w / (np.hypot(*v) * np.hypot(*w)))

    def corr(a: np.ndarray, b: np.ndarray) -> float:
        return sum(map(agreement, steps(a), steps(b))) / (len(a) - 1)

    sources = [track for track in source.astype(float) if moves(track)]
    outputs = [track for track in output.astype(float) if moves(track)]
    if not outputs:
        return 0.0, 0.0
    precision = sum(max(corr(t, u) for t in sources) for u in outputs) / len(outputs)
    recall = sum(max(corr(t, u) for u in outputs) for t in sources) / len(sources)
    return precision, recall


def walk(n: int, seed: int, frames: int = 9, still: float = 0.0) -> np.ndarray:
    """Random tracks; a share of their steps is exactly still."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 2, (n, frames - 1, 2))
    steps[rng.random((n, frames - 1)) < still] = 0
    start = rng.uniform(0, 100, (n, 1, 2))
    return np.concatenate([start, start + np.cumsum(steps, axis=1)], axis=1)


def straight(n: int, step: tuple[float, float], frames: int = 9) -> np.ndarray:
    start = np.arange(n, dtype=float)[:, None, None]
    return start + np.arange(frames)[None, :, None] * np.asarray(step)


def directions(result: MotionFidelity) -> tuple[float, float]:
    return result.output_to_source, result.source_to_output


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("still", [0.0, 0.4])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (7, 3), (1, 6)])
def test_equals_the_definition_in_loops(n: int, m: int, still: float, threshold: float) -> None:
    source, output = walk(n, 0, still=still), walk(m, 1, still=still)
    expected = slow_motion_fidelity(source, output, threshold)
    result = motion_fidelity(source, output, still_threshold=threshold)
    assert directions(result) == pytest.approx(expected, abs=1e-12)
    assert result.sum == pytest.approx(sum(expected), abs=1e-12)
    assert result.mean == pytest.approx(sum(expected) / 2, abs=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = walk(50, 0), walk(37, 1)
    whole = motion_fidelity(source, output)
    monkeypatch.setattr("smmbench.metrics.motion_fidelity._BLOCK", 8)
    assert directions(motion_fidelity(source, output)) == pytest.approx(
        directions(whole), abs=1e-12
    )


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_clip_against_itself_is_one(threshold: float) -> None:
    tracks = walk(40, 0)
    result = motion_fidelity(tracks, tracks, still_threshold=threshold)
    assert directions(result) == pytest.approx((1, 1), abs=1e-12)


def test_a_clip_with_still_steps_against_itself_is_one_with_a_threshold() -> None:
    tracks = walk(40, 0, still=0.5)
    assert motion_fidelity(tracks, tracks).mean == pytest.approx(1, abs=1e-12)
    assert motion_fidelity(tracks, tracks, still_threshold=0.0).mean < 0.7


def test_a_fixed_angle_gives_its_cosine() -> None:
    # Every step of the output turns 60 degrees against the source: cos 60 = 0.5.
    angle = np.pi / 3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    source = straight(4, (3.0, 0.0))
    result = motion_fidelity(source, source @ turn.T)
    assert directions(result) == pytest.approx((0.5, 0.5))


def test_still_and_moving_steps_within_moving_tracks() -> None:
    # Steps in x: source 3 0 3 0, output 3 3 0 0. Equal moves: 1, still against moving: 0 twice,
    # both still: 1. So (1 + 0 + 0 + 1) / 4 = 0.5; to the letter (1 + 0 + 0 + 0) / 4 = 0.25.
    def track(*steps: float) -> np.ndarray:
        x = np.concatenate([[0.0], np.cumsum(steps)])
        return np.stack([x, np.zeros_like(x)], axis=-1)[None]

    source, output = track(3, 0, 3, 0), track(3, 3, 0, 0)
    assert motion_fidelity(source, output).mean == pytest.approx(0.5)
    assert motion_fidelity(source, output, still_threshold=0.0).mean == pytest.approx(0.25)


def test_a_frozen_output_is_zero_where_95_percent_stand_still_in_both() -> None:
    source = np.concatenate([straight(95, (0.0, 0.0)), straight(5, (2.0, 1.0))])
    frozen = np.repeat(source[:, :1], source.shape[1], axis=1)
    result = motion_fidelity(source, frozen)
    assert directions(result) == (0, 0)
    assert (result.source.moving, result.source.still) == (5, 95)
    assert (result.output.moving, result.output.still) == (0, 100)


def test_lost_motion_shows_in_one_direction_only() -> None:
    # Convention: the source moves right and up, the output only right. All of the output is in
    # the source (1); half of the source is found (1), half meets a right angle (0): 0.5.
    source = np.concatenate([straight(3, (2.0, 0.0)), straight(3, (0.0, 2.0))])
    output = straight(6, (2.0, 0.0))
    assert directions(motion_fidelity(source, output)) == pytest.approx((1.0, 0.5))


def test_swapping_source_and_output_swaps_the_directions() -> None:
    a, b = walk(6, 0, still=0.2), walk(9, 1, still=0.2)
    forth, back = motion_fidelity(a, b), motion_fidelity(b, a)
    assert forth.output_to_source == pytest.approx(back.source_to_output)
    assert forth.source_to_output == pytest.approx(back.output_to_source)
    assert forth.mean == pytest.approx(back.mean)
    assert (forth.source, forth.output) == (back.output, back.source)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(1, 20), dx=st.floats(-1e3, 1e3))
def test_order_place_scale_and_speed_do_not_matter(seed: int, scale: float, dx: float) -> None:
    source, output = walk(6, seed), walk(8, seed + 1)
    expected = directions(motion_fidelity(source, output, still_threshold=0.0))
    rng = np.random.default_rng(seed)
    other_source = rng.permutation(source)
    other_output = rng.permutation(output) * scale + [dx, -dx]
    result = motion_fidelity(other_source, other_output, still_threshold=0.0)
    assert directions(result) == pytest.approx(expected, abs=1e-9)


def test_falls_with_the_share_of_wrong_tracks() -> None:
    source = straight(20, (2.0, 0.0))
    wrong = straight(20, (-2.0, 0.5))
    values = [
        motion_fidelity(source, np.concatenate([wrong[:k], source[k:]])).output_to_source
        for k in range(0, 20, 4)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1)
    assert len(set(values)) == len(values)


def test_counts_masks_and_visibility() -> None:
    source = np.concatenate([straight(3, (2.0, 0.0)), straight(2, (0.0, 0.0))])
    visible = np.ones(source.shape[:2], dtype=bool)
    visible[0, 4] = visible[0, 5] = visible[4, 0] = False  # two tracks, three frames
    result = motion_fidelity(source, source, source_visible=visible)
    assert (result.source.moving, result.source.still, result.source.invisible) == (3, 2, 2)
    assert result.output.invisible == 0
    assert directions(result) == pytest.approx((1, 1))  # counted, and the number is the same
    mask = np.array([True, False, False, True, False])
    masked = motion_fidelity(source, source, source_visible=visible, source_mask=mask)
    assert (masked.source.moving, masked.source.still, masked.source.invisible) == (1, 1, 1)
    nothing = motion_fidelity(source, source, output_mask=np.zeros(5, dtype=bool))
    assert directions(nothing) == (0, 0)


def test_a_step_as_long_as_the_threshold_is_still() -> None:
    source = straight(3, (0.5, 0.0))
    with pytest.raises(ValueError, match=r"moves more than 0.5 pixels a step \(3 tracks\)"):
        motion_fidelity(source, source)
    assert motion_fidelity(source, source, still_threshold=0.49).mean == pytest.approx(1)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_still_source_is_unfit(threshold: float) -> None:
    still = straight(4, (0.0, 0.0))
    with pytest.raises(ValueError, match="Nothing in the source moves"):
        motion_fidelity(still, straight(4, (2.0, 0.0)), still_threshold=threshold)


def test_refuses_what_it_cannot_compare() -> None:
    tracks = straight(4, (2.0, 0.0))
    with pytest.raises(ValueError, match="9 frames and the output 8"):
        motion_fidelity(tracks, tracks[:, :8])
    with pytest.raises(ValueError, match="at least two frames"):
        motion_fidelity(tracks[:, :1], tracks[:, :1])
    with pytest.raises(ValueError, match="0 or more, got -1"):
        motion_fidelity(tracks, tracks, still_threshold=-1.0)
    broken = tracks.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        motion_fidelity(tracks, broken)
    with pytest.raises((ValueError, IndexError, TypeCheckError)):
        motion_fidelity(tracks, tracks, source_mask=np.ones(3, dtype=bool))


def test_single_precision_gives_the_same() -> None:
    source, output = walk(30, 0), walk(30, 1)
    single = motion_fidelity(source.astype(np.float32), output.astype(np.float32))
    assert directions(single) == pytest.approx(
        directions(motion_fidelity(source, output)), abs=1e-5
    )


# Known values: 20x20 points, 24 frames of 576x320, the background pans by 2 px a step, 7x7 points
# of an object go as fast at an angle of cosine C; the tracker jitters by 0.15 px. Expected numbers
# come from an independent computation on such tracks; its jitter was drawn otherwise, which moves
# the third decimal, or the second where the output is nothing but jitter.


def known_source(rng: np.random.Generator, with_object: bool = True) -> np.ndarray:
    along = (np.arange(20) + 0.5) / 20
    x, y = np.meshgrid(along * 576, along * 320)
    start = np.stack([x.ravel(), y.ravel()], axis=-1)
    moves_otherwise = np.zeros((20, 20), dtype=bool)
    moves_otherwise[6:13, 6:13] = with_object
    step = np.where(moves_otherwise.reshape(-1, 1), [2 * C, 2 * np.sqrt(1 - C**2)], [2.0, 0.0])
    tracks = start[:, None] + np.arange(FRAMES)[None, :, None] * step[:, None]
    return tracks + rng.normal(0, 0.15, tracks.shape)


def known_case(name: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    source = known_source(rng)
    start = source[:, :1]
    frozen = np.repeat(start, FRAMES, axis=1)
    return source, {
        "identical": source,
        "object lost": known_source(rng, with_object=False),
        "reversed": 2 * start - source,
        "frozen and jitter": frozen + rng.normal(0, 0.15, frozen.shape),
        "frozen": frozen,
        "half speed": start + 0.5 * (source - start),
        "ten times the speed": start + 10 * (source - start),
    }[name]


KNOWN = {
    "identical": (1.0, 1.0),
    "object lost": (0.996, 0.954),
    "reversed": (-0.651, -0.652),
    "frozen and jitter": (0.063, 0.226),
    "frozen": (0.0, 0.0),
    "half speed": (1.0, 1.0),
    "ten times the speed": (1.0, 1.0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_values_of_the_formula(name: str) -> None:
    source, output = known_case(name)
    result = motion_fidelity(source, output, still_threshold=0.0)
    close = 0.015 if "jitter" in name else 0.004
    assert directions(result) == pytest.approx(KNOWN[name], abs=close)


@pytest.mark.parametrize("name", [name for name in KNOWN if "jitter" not in name])
def test_the_still_rule_changes_no_case_that_moves(name: str) -> None:
    source, output = known_case(name)
    assert directions(motion_fidelity(source, output)) == pytest.approx(KNOWN[name], abs=0.004)


def test_the_still_rule_lowers_what_jitter_earns() -> None:
    # Jitter of 0.15 px makes steps of 0.15 * sqrt(2) * Rayleigh; exp(-0.5^2 / (4 * 0.15^2)) = 6 %
    # of them are longer than 0.5 px. So 1 - 0.94^23 = 76 % of the points count as moving, each
    # by one or two of its 23 steps: far less can agree by chance than when all steps count.
    result = motion_fidelity(*known_case("frozen and jitter"))
    assert result.output.moving == pytest.approx(0.76 * 400, abs=25)
    assert 0 < result.output_to_source < 0.04
    assert 0 < result.source_to_output < 0.12


@pytest.mark.slow
def test_memory_stays_bounded_where_all_pairs_would_not_fit() -> None:
    # 20,000 x 20,000 pairs in float64 would take 3.2 GB.
    source, output = walk(20_000, 0, frames=5), walk(20_000, 1, frames=5)
    tracemalloc.start()
    motion_fidelity(source, output)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize(
    ("points", "steps", "floor"), [(100, 23, 0.373), (900, 23, 0.464), (100, 48, 0.246)]
)
def test_chance_floor_by_independent_computations(points: int, steps: int, floor: float) -> None:
    assert chance_floor(points, steps) == pytest.approx(floor, abs=0.02)
    assert chance_floor(points, steps, seed=1) == pytest.approx(floor, abs=0.02)
