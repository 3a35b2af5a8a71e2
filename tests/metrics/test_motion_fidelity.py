from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from smmbench.metrics.best_match import best_matches, rows_of
from smmbench.metrics.conventions import Conventions
from smmbench.metrics.motion_fidelity import BothDirections, motion_fidelity
from smmbench.metrics.moving import steps_of
from smmbench.metrics.registry import metric

DEFAULT = Conventions()
FRAMES = 24
C = 0.668  # cosine between the object's and the background's direction in the known values


LETTER = Conventions(still="zero")


def slow_motion_fidelity(
    source: np.ndarray,
    output: np.ndarray,
    threshold: float,
    c: Conventions = DEFAULT,
    source_visible: np.ndarray | None = None,
    output_visible: np.ndarray | None = None,
) -> tuple[float, float]:
    """The definition in loops, in float64: (output to source, source to output)."""
    c = LETTER if threshold == 0 else c
    Track = list[tuple[np.ndarray, bool]]  # steps of a track: vector, and whether it is seen

    def tracks(points: np.ndarray, visible: np.ndarray | None) -> list[Track]:
        found = []
        for i, track in enumerate(points.astype(float)):
            steps = []
            for k in range(len(track) - 1):
                seen = True
                if visible is not None and c.visibility != "ignored":
                    seen = bool(visible[i, k] and visible[i, k + 1])
                steps.append((track[k + 1] - track[k], seen))
            if counts(steps):
                found.append(steps)
        return found

    def still(v: np.ndarray) -> bool:
        return bool(np.hypot(*v) <= threshold)

    def counts(steps: Track) -> bool:
        if threshold == 0:
            return True
        seen = [v for v, ok in steps if ok]
        if len(seen) < c.visible_share * len(steps):
            return False
        if c.visibility == "tracks":
            seen, steps = [v for v, _ in steps], [(v, True) for v, _ in steps]
        if all(still(v) for v in seen):
            return False
        if c.moves == "share":
            return sum(not still(v) for v in seen) >= c.moving_share * len(seen)
        if c.moves == "path":
            return sum(np.hypot(*v) for v in seen) > c.moving_pixels
        if c.moves == "displacement":
            first = next(k for k, (_, ok) in enumerate(steps) if ok)
            ends = [k for k, (_, ok) in enumerate(steps) if ok]
            away = [np.sum([v for v, _ in steps[first : end + 1]], axis=0) for end in ends]
            return max(np.hypot(*v) for v in away) > c.moving_pixels
        return True

    def corr(a: Track, b: Track) -> float:
        values, shared = [], 0
        for (v, v_seen), (w, w_seen) in zip(a, b, strict=True):
            if c.visibility == "steps" and not (v_seen and w_seen):
                continue
            shared += 1
            if still(v) and still(w):
                if c.still != "left-out":
                    values.append(1.0 if c.still == "agree" else 0.0)
            elif still(v) or still(w):
                values.append(0.0)
            else:
                values.append(float(v @ w / (np.hypot(*v) * np.hypot(*w))))
        if c.visibility == "steps" and shared < c.visible_share * len(a):
            return 0.0
        return sum(values) / len(values) if values else 0.0

    sources, outputs = tracks(source, source_visible), tracks(output, output_visible)
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


def along_x(*steps: float) -> np.ndarray:
    x = np.concatenate([[0.0], np.cumsum(steps)])
    return np.stack([x, np.zeros_like(x)], axis=-1)[None]


def flicker(n: int, seed: int, frames: int = 9) -> np.ndarray:
    """Visibility with a fifth of the positions hidden; half of the tracks are seen throughout."""
    visible = np.random.default_rng(seed).random((n, frames)) > 0.2
    visible[::2] = True
    return visible


def directions(result: BothDirections) -> tuple[float, float]:
    return result.output_to_source, result.source_to_output


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("still", [0.0, 0.4])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (7, 3), (1, 6)])
def test_equals_the_definition_in_loops(n: int, m: int, still: float, threshold: float) -> None:
    source, output = walk(n, 6, still=still), walk(m, 1, still=still)
    expected = slow_motion_fidelity(source, output, threshold)
    result = motion_fidelity(source, output, still_threshold=threshold)
    assert directions(result) == pytest.approx(expected, abs=1e-12)
    assert result.sum == pytest.approx(sum(expected), abs=1e-12)
    assert result.mean == pytest.approx(sum(expected) / 2, abs=1e-12)


RULES: tuple[Conventions, ...] = (
    Conventions(moves="any"),
    Conventions(moves="share", moving_share=0.6),
    Conventions(moves="path", moving_pixels=14.0),
    Conventions(moves="displacement", moving_pixels=7.0),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.moves)
@pytest.mark.parametrize("still", ["agree", "zero", "left-out"])
@pytest.mark.parametrize("visibility", ["ignored", "tracks", "steps"])
def test_every_convention_equals_the_definition_in_loops(
    rule: Conventions, still: str, visibility: str
) -> None:
    conventions = replace(rule, still=still, visibility=visibility)  # type: ignore[arg-type]
    source, output = walk(11, 0, still=0.3), walk(8, 1, still=0.3)
    seen = [flicker(len(tracks), seed) for tracks, seed in ((source, 2), (output, 3))]
    expected = slow_motion_fidelity(source, output, 0.5, conventions, *seen)
    result = motion_fidelity(
        source,
        output,
        source_visible=seen[0],
        output_visible=seen[1],
        conventions=conventions,
    )
    assert directions(result) == pytest.approx(expected, abs=1e-12)
    sides = (result.source, 11), (result.output, 8)
    assert all(side.moving + side.still + side.dropped == count for side, count in sides)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.moves)
@pytest.mark.parametrize("still", ["agree", "left-out"])
@pytest.mark.parametrize("visibility", ["ignored", "tracks", "steps"])
def test_a_clip_against_itself_is_one_and_frozen_is_zero_under_every_convention(
    rule: Conventions, still: str, visibility: str
) -> None:
    conventions = replace(rule, still=still, visibility=visibility)  # type: ignore[arg-type]
    source, seen = walk(30, 0, still=0.3), flicker(30, 1)
    same = motion_fidelity(
        source, source, source_visible=seen, output_visible=seen, conventions=conventions
    )
    assert directions(same) == pytest.approx((1, 1), abs=1e-12)
    frozen = np.repeat(source[:, :1], source.shape[1], axis=1)
    assert directions(motion_fidelity(source, frozen, conventions=conventions)) == (0, 0)


@pytest.mark.parametrize("visibility", ["ignored", "tracks", "steps"])
def test_to_the_letter_no_convention_counts(visibility: str) -> None:
    source, output, seen = walk(9, 0, still=0.3), walk(9, 1), flicker(9, 2)
    plain = motion_fidelity(source, output, still_threshold=0.0)
    other = Conventions(
        moves="path",
        moving_pixels=1e9,
        still="left-out",
        visibility=visibility,  # type: ignore[arg-type]
    )
    result = motion_fidelity(
        source, output, output_visible=seen, still_threshold=0.0, conventions=other
    )
    assert directions(result) == directions(plain)


def test_to_the_letter_a_step_of_length_zero_counts_nothing() -> None:
    # Steps in x: 3 0 0 0 0 against itself. The formula divides 0 by 0 in four of five: 1/5, though
    # still steps agree above a threshold and the track moves in too few steps for the rule of .4.
    track = along_x(3, 0, 0, 0, 0)
    letter = motion_fidelity(track, track, still_threshold=0.0)
    assert directions(letter) == pytest.approx((0.2, 0.2))
    assert (letter.source.moving, letter.source.still) == (1, 0)
    with pytest.raises(ValueError, match="Nothing in the source moves"):
        motion_fidelity(track, track, still_threshold=1e-6)


def test_the_headline_is_version_2() -> None:
    # A change of these numbers is a change of every score: raise the version of the metric.
    assert metric("motion_fidelity").version == 2
    assert (
        Conventions(moves="share", moving_share=0.4, still="agree", visibility="ignored") == DEFAULT
    )


def test_steps_that_are_not_seen_are_left_out() -> None:
    # The output turns back in steps 3 and 4 of 8, of which 2 to 5 have an unseen end: it agrees
    # in all four that are left. With unseen steps counted it is (6 - 2) / 8 = 0.5.
    source = straight(1, (2.0, 0.0))
    steps = np.array([2.0, 2, 2, -2, -2, 2, 2, 2])
    output = np.zeros_like(source)
    output[0, 1:, 0] = np.cumsum(steps)
    visible = np.ones((1, 9), dtype=bool)
    visible[0, 3:6] = False
    seen = Conventions(visibility="steps", visible_share=0.5)
    for conventions, value in ((DEFAULT, 0.5), (seen, 1.0)):
        result = motion_fidelity(source, output, output_visible=visible, conventions=conventions)
        assert directions(result) == pytest.approx((value, value))
    strict = Conventions(visibility="steps", visible_share=0.6)
    dropped = motion_fidelity(source, output, output_visible=visible, conventions=strict)
    assert (dropped.output.dropped, dropped.mean) == (1, 0)  # 4 of 8 seen is less than 60 %


def test_two_tracks_that_share_too_few_seen_steps_do_not_match() -> None:
    # Each is seen in half of its 8 steps, but together in none: nothing says that they agree.
    source = straight(1, (2.0, 0.0))
    early, late = np.ones((1, 9), dtype=bool), np.ones((1, 9), dtype=bool)
    early[0, 5:], late[0, :4] = False, False
    result = motion_fidelity(
        source,
        source,
        source_visible=early,
        output_visible=late,
        conventions=Conventions(visibility="steps"),
    )
    assert directions(result) == (0, 0)


def test_steps_where_both_stand_still_may_be_left_out() -> None:
    # Steps in x: source 3 0 3 0, output 3 3 0 0. The last is left out: (1 + 0 + 0) / 3.
    source, output = along_x(3, 0, 3, 0), along_x(3, 3, 0, 0)
    result = motion_fidelity(source, output, conventions=Conventions(still="left-out"))
    assert result.mean == pytest.approx(1 / 3)


def test_which_tracks_move_is_a_rule() -> None:
    # Of 8 steps: all of 2 px; one of 2 px; 2 px to and fro, never farther than 2 px away; none.
    x = np.array([[2.0] * 8, [2.0] + [0.0] * 7, [2.0, -2.0] * 4, [0.0] * 8])
    tracks = np.zeros((4, 9, 2))
    tracks[:, 1:, 0] = np.cumsum(x, axis=1)
    moving = {
        Conventions(moves="any"): 3,
        Conventions(moves="share", moving_share=0.5): 2,
        Conventions(moves="path", moving_pixels=15.9): 2,
        Conventions(moves="displacement", moving_pixels=2.0): 1,
    }
    for rule, count in moving.items():
        assert motion_fidelity(tracks, tracks, conventions=rule).source.moving == count


def test_a_convention_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="`visible_share` is a share"):
        Conventions(visible_share=1.5)
    with pytest.raises(ValueError, match="`moving_pixels` is 0 or more"):
        Conventions(moving_pixels=-1.0)


@pytest.mark.parametrize(
    "conventions", [DEFAULT, Conventions(still="left-out", visibility="steps")]
)
def test_blocks_change_nothing(conventions: Conventions, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output, seen = walk(50, 0, still=0.2), walk(37, 1), flicker(50, 2)

    def compared() -> BothDirections:
        return motion_fidelity(source, output, source_visible=seen, conventions=conventions)

    whole = compared()
    monkeypatch.setattr("smmbench.metrics.best_match._BLOCK", 8)
    assert directions(compared()) == pytest.approx(directions(whole), abs=1e-12)


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
    source, output = along_x(3, 0, 3, 0), along_x(3, 3, 0, 0)
    assert motion_fidelity(source, output).mean == pytest.approx(0.5)
    assert motion_fidelity(source, output, still_threshold=0.0).mean == pytest.approx(0.25)


def test_a_frozen_output_is_zero_where_95_percent_stand_still_in_both() -> None:
    source = np.concatenate([straight(95, (0.0, 0.0)), straight(5, (2.0, 1.0))])
    frozen = np.repeat(source[:, :1], source.shape[1], axis=1)
    result = motion_fidelity(source, frozen)
    assert directions(result) == (0, 0)
    assert (result.source.moving, result.source.still) == (5, 95)
    assert (result.output.moving, result.output.still) == (0, 100)


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.15])
def test_a_frozen_output_with_jitter_is_near_zero_where_95_percent_stand_still(
    jitter: float,
) -> None:
    noise = np.random.default_rng(0).normal(0, jitter, (2, 400, FRAMES, 2))
    source = np.concatenate([straight(380, (0, 0), FRAMES), straight(20, (2, 1), FRAMES)])
    frozen = np.repeat(source[:, :1], FRAMES, axis=1)
    assert motion_fidelity(source + noise[0], frozen + noise[1]).mean == pytest.approx(0, abs=0.02)
    same = motion_fidelity(source + noise[0], source + noise[0])
    assert directions(same) == pytest.approx((1, 1), abs=1e-12)
    assert same.source.moving == pytest.approx(20, abs=2)


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


def test_the_still_rule_gives_jitter_nothing() -> None:
    # Jitter of 0.15 px makes steps of 0.15 * sqrt(2) * Rayleigh; exp(-0.5^2 / (4 * 0.15^2)) = 6 %
    # of them are longer than 0.5 px. A track moves if 10 of its 23 steps are: with independent
    # steps one in two million. Version 1 asked for one step only: 1 - 0.94^23 = 76 % of the points
    # moved, each by one or two steps.
    source, output = known_case("frozen and jitter")
    result = motion_fidelity(source, output)
    assert result.output.moving == 0
    assert directions(result) == (0, 0)
    first = motion_fidelity(source, output, conventions=Conventions(moves="any"))
    assert first.output.moving == pytest.approx(0.76 * 400, abs=25)
    assert 0 < first.output_to_source < 0.04
    assert 0 < first.source_to_output < 0.12


@pytest.mark.slow
def test_memory_stays_bounded_where_all_pairs_would_not_fit() -> None:
    # 20,000 x 20,000 pairs in float64 would take 3.2 GB.
    source, output = walk(20_000, 0, frames=5), walk(20_000, 1, frames=5)
    tracemalloc.start()
    motion_fidelity(source, output)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize("flags", [np.ones(3, bool), np.ones((2, 2), bool), np.ones(2)])
@pytest.mark.parametrize("side", ["source", "output"])
def test_masks_and_visibility_of_another_shape_are_refused(side: str, flags: np.ndarray) -> None:
    tracks = np.cumsum(np.ones((2, 5, 2)), axis=1)
    for name in ("mask", "visible"):
        with pytest.raises((ValueError, TypeCheckError), match=f"{side}_{name}"):
            motion_fidelity(tracks, tracks, **{f"{side}_{name}": flags})  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [3, 512])
def test_matches_are_the_largest_of_their_row_and_column(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("smmbench.metrics.best_match._BLOCK", block)
    rng = np.random.default_rng(0)
    tracks = [np.cumsum(rng.normal(0, 3, (n, 6, 2)), axis=1) for n in (10, 7)]
    a, b = (rows_of(steps_of(one, None, 0.5, Conventions()), 0.5, Conventions()) for one in tracks)
    corr = a.agreement @ b.agreement.T / a.steps
    of_a, of_b = best_matches(a, b)
    np.testing.assert_array_equal(of_a.index, corr.argmax(axis=1))
    np.testing.assert_array_equal(of_b.index, corr.argmax(axis=0))
    np.testing.assert_allclose(of_a.corr, corr.max(axis=1))
    np.testing.assert_allclose(of_a.by_step(a, b).mean(), of_a.corr.mean())
    np.testing.assert_allclose(of_b.by_step(b, a).mean(), of_b.corr.mean())
