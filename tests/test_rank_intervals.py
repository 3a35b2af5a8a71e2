"""Rank intervals: what may be claimed of an order, and what stays open."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from smmbench.rank_intervals import (
    RankIntervals,
    clip_totals,
    rank_intervals,
    sign_patterns,
    step_down_p,
)


def clips(count: int) -> list[str]:
    return [f"clip-{i:02}" for i in range(count)]


def made(methods: int, count: int, seed: int = 0, step: float = 0.0) -> dict[str, np.ndarray]:
    """Values of methods that share what a clip gives, each `step` above the one before."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 0.2, count)
    return {f"m{i}": shared + rng.normal(step * i, 0.1, count) for i in range(methods)}


def intervals(found: RankIntervals) -> dict[str, tuple[int, int]]:
    return {name: found.interval(name) for name in found.names}


@pytest.mark.parametrize("count", [2, 6, 9])
def test_two_methods_have_the_p_of_the_exact_sign_flip_test(count: int) -> None:
    values = made(2, count, step=0.05)
    p = rank_intervals(values, clips(count)).p_of("m0", "m1")
    exact = scipy.stats.permutation_test(
        (values["m0"] - values["m1"],), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert p == pytest.approx(exact.pvalue)


def test_the_correction_is_the_largest_of_the_pairs_that_differ_no_more() -> None:
    """By the definition of step-down maxT, one pair after the other, in plain loops."""
    totals = np.stack(list(made(4, 7, step=0.06).values()), axis=1)
    pairs = [(i, j) for i in range(4) for j in range(i)]
    gaps = {pair: totals[:, pair[0]] - totals[:, pair[1]] for pair in pairs}
    sizes = {pair: float(np.sqrt((gap**2).sum())) for pair, gap in gaps.items()}
    least = float(np.quantile(list(sizes.values()), 0.85))
    scales = {pair: max(size, least) for pair, size in sizes.items()}
    statistic = {pair: abs(gap.sum()) / scales[pair] for pair, gap in gaps.items()}
    left = sorted(pairs, key=lambda pair: -statistic[pair])
    expected, before = {}, 0.0
    for place, pair in enumerate(left):
        flips = [
            max(abs(np.dot(signs, gaps[one])) / scales[one] for one in left[place:])
            for signs in product((-1, 1), repeat=7)
        ]
        before = max(before, float(np.mean(np.array(flips) >= statistic[pair] - 1e-9)))
        expected[pair] = before
    p = step_down_p(totals, *sign_patterns(7, seed=0))
    assert {pair: float(p[pair]) for pair in pairs} == pytest.approx(expected)
    assert (p == p.T).all() and (np.diag(p) == 1).all()


def test_it_is_exact_on_symmetric_data() -> None:
    """All sign patterns of one table: equal methods are split on at most one in twenty of them."""
    totals = np.stack(list(made(3, 8).values()), axis=1)
    centre = totals.mean(axis=1, keepdims=True)
    signs, complete = sign_patterns(8, seed=0)
    split = sum(
        bool(
            (step_down_p(centre + flip[:, None] * (totals - centre), signs, complete) <= 0.05).any()
        )
        for flip in signs
    )
    assert 0 < split / len(signs) <= 0.05


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_fewer_than_six_clips_leave_every_rank_open(count: int) -> None:
    values = {f"m{i}": np.full(count, float(i)) for i in range(4)}
    found = rank_intervals(values, clips(count))
    assert set(intervals(found).values()) == {(1, 4)}
    assert found.p_of("m0", "m3") == pytest.approx(2.0 ** (1 - count))


def test_six_clips_that_all_agree_are_enough() -> None:
    values = {"low": np.zeros(6), "high": np.ones(6)}
    found = rank_intervals(values, clips(6))
    assert intervals(found) == {"low": (2, 2), "high": (1, 1)}
    assert found.p_of("low", "high") == pytest.approx(1 / 32)
    assert found.shown_better("high", "low") and not found.shown_better("low", "high")


@pytest.mark.parametrize("count", [6, 26])
def test_equal_methods_are_never_apart(count: int) -> None:
    values = np.random.default_rng(0).normal(size=count)
    found = rank_intervals({"a": values, "b": values.copy()}, clips(count))
    assert intervals(found) == {"a": (1, 2), "b": (1, 2)} and found.p_of("a", "b") == 1


def test_copies_of_one_method_leave_the_others_as_they_are() -> None:
    values = made(3, 12, step=0.2)
    found = rank_intervals({**values, "copy": values["m2"]}, clips(12))
    assert found.interval("copy") == found.interval("m2")
    assert found.p_of("copy", "m2") == 1


def test_one_method_alone_is_first() -> None:
    assert intervals(rank_intervals(made(1, 8), clips(8))) == {"m0": (1, 1)}


@pytest.mark.parametrize("count", [9, 20])
def test_order_and_names_of_methods_do_not_matter(count: int) -> None:
    values = made(5, count, step=0.05)
    found = rank_intervals(values, clips(count))
    turned = rank_intervals(dict(reversed(values.items())), clips(count))
    assert intervals(turned) == intervals(found)
    renamed = rank_intervals({f"z{9 - i}": v for i, v in enumerate(values.values())}, clips(count))
    assert list(intervals(renamed).values()) == list(intervals(found).values())
    assert renamed.p == pytest.approx(found.p)
    assert turned.p[::-1, ::-1] == pytest.approx(found.p)


@pytest.mark.parametrize("count", [9, 20])
def test_order_of_pairs_does_not_matter(count: int) -> None:
    values, names = made(4, count, step=0.05), clips(count)
    order = np.random.default_rng(1).permutation(count)
    turned = {name: row[order] for name, row in values.items()}
    p = rank_intervals(turned, [names[i] for i in order]).p
    assert p == pytest.approx(rank_intervals(values, names).p)


def test_scale_and_origin_do_not_matter_and_the_sign_turns_the_order() -> None:
    values = made(4, 12, step=0.1)
    found = rank_intervals(values, clips(12))
    moved = rank_intervals({name: 3 * row + 7 for name, row in values.items()}, clips(12))
    assert moved.p == pytest.approx(found.p) and (moved.better == found.better).all()
    turned = rank_intervals({name: -row for name, row in values.items()}, clips(12))
    assert turned.p == pytest.approx(found.p) and (turned.better == found.better.T).all()


def test_pairs_of_a_clip_count_as_one_clip() -> None:
    values, names = made(3, 8, step=0.1), clips(8)
    nine = {name: np.repeat(row, 9) for name, row in values.items()}
    p = rank_intervals(nine, np.repeat(names, 9).tolist()).p
    assert p == pytest.approx(rank_intervals(values, names).p)


@given(st.integers(0, 10_000), st.sampled_from([6, 8]), st.floats(0.0, 0.5))
def test_rank_intervals_hold_the_order_of_the_means(seed: int, count: int, step: float) -> None:
    values = made(5, count, seed, step)
    found = rank_intervals(values, clips(count))
    order = sorted(values, key=lambda name: -values[name].sum())
    for place, name in enumerate(order, start=1):
        low, high = found.interval(name)
        assert 1 <= low <= place <= high <= 5
    assert not (found.better & found.better.T).any()


def test_a_larger_difference_is_never_shown_less() -> None:
    """Two methods of equal means, one moved away from the other: p only falls."""
    base = made(2, 10)
    base["m1"] += (base["m0"] - base["m1"]).mean()
    moved = [{**base, "m1": base["m1"] + step} for step in np.linspace(0, 1, 8)]
    p = [rank_intervals(values, clips(10)).p_of("m0", "m1") for values in moved]
    assert all(one >= other for one, other in pairwise(p))
    assert p[0] > 0.05 > p[-1] == pytest.approx(2 / 2**10)


def test_a_higher_level_shows_less() -> None:
    values = made(6, 12, step=0.05)
    at = [
        rank_intervals(values, clips(12), level=level).better for level in (0.5, 0.9, 0.95, 0.999)
    ]
    assert all((more | less == more).all() for more, less in pairwise(at))
    assert at[0].sum() > at[-1].sum()


def test_the_data_count_as_one_of_the_draws() -> None:
    """No number of draws shows a chance of zero: 20 clips that all agree, 2 patterns in 2^20."""
    p = rank_intervals({"a": np.zeros(20), "b": np.ones(20)}, clips(20)).p_of("a", "b")
    signs, complete = sign_patterns(20, seed=0)
    agreeing = (np.abs(signs.sum(axis=1)) == 20).sum()
    assert not complete and p == (1 + agreeing) / (1 + len(signs)) and p > 0


def test_draws_are_those_of_the_seed_and_agree_with_all_patterns() -> None:
    totals = np.stack(list(made(4, 14, step=0.04).values()), axis=1)
    every = step_down_p(totals, *sign_patterns(14, seed=0))
    draws = 1.0 - 2.0 * np.random.default_rng(0).integers(0, 2, (40_000, 14))
    assert step_down_p(totals, draws, complete=False) == pytest.approx(every, abs=0.01)
    one, other = (sign_patterns(20, seed)[0] for seed in (0, 1))
    assert (sign_patterns(20, 0)[0] == one).all() and (one != other).any()


@pytest.mark.parametrize(
    ("count", "patterns", "complete"), [(1, 1, True), (16, 2**15, True), (17, 40_000, False)]
)
def test_all_patterns_are_tried_where_there_are_few(
    count: int, patterns: int, complete: bool
) -> None:
    signs, every = sign_patterns(count, seed=0)
    assert (signs.shape, every) == ((patterns, count), complete)
    assert not complete or len(np.unique(signs, axis=0)) == patterns
    assert set(np.unique(signs)) <= {-1.0, 1.0}


def test_an_erratic_method_does_not_hide_the_differences_of_the_others() -> None:
    """One method of 17 is in 12 % of the pairs, which does not raise the minimum of the scale."""
    values = made(16, 12, step=0.1)
    found = rank_intervals(values, clips(12))
    values["erratic"] = np.random.default_rng(0).normal(0.8, 5, 12)
    beside = rank_intervals(values, clips(12))
    assert beside.shown_better("m15", "m0") and beside.interval("erratic") == (1, 17)
    assert 0 < beside.better.sum() < found.better.sum()  # it widens the intervals of all


def test_a_failing_method_is_below() -> None:
    """A pair without a video is the worst value, and is never left out."""
    values = made(2, 12)
    values["lost"] = np.full(12, -1.0)
    assert rank_intervals(values, clips(12)).interval("lost") == (3, 3)


def test_clips_weigh_by_their_pairs() -> None:
    totals = clip_totals({"a": np.array([1.0, 2.0, 4.0])}, ["y", "x", "y"])
    assert totals.tolist() == [[2.0], [5.0]]


@pytest.mark.parametrize(
    ("values", "names", "level", "says"),
    [
        ({}, ["a"], 0.95, "nothing to rank"),
        ({"m": np.array([])}, [], 0.95, "nothing to rank"),
        ({"m": np.array([1.0])}, ["a", "b"], 0.95, "'m' has 1 values for 2 pairs"),
        ({"m": np.array([np.nan])}, ["a"], 0.95, "'m' has a value that is not finite"),
        ({"m": np.array([1.0])}, ["a"], 1.0, "between 0 and 1"),
    ],
)
def test_bad_input_is_refused(
    values: dict[str, np.ndarray], names: list[str], level: float, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        rank_intervals(values, names, level=level)
