"""Intervals hold what they promise, over clips and not over pairs; ties are ties."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from smmbench.statistics import clustered_interval, mean_interval, paired_difference

CLIPS = [f"clip-{i}" for i in range(12)]


def sample(seed: int = 0, clips: int = 12, edits: int = 4) -> tuple[np.ndarray, list[str]]:
    """Values that share most of their spread within a clip."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0.6, 0.1, clips)
    values = shared[:, None] + rng.normal(0, 0.02, (clips, edits))
    return values.ravel(), np.repeat([f"clip-{i}" for i in range(clips)], edits).tolist()


def test_mean_is_over_values_and_lies_in_its_interval() -> None:
    values, clusters = sample()
    estimate = mean_interval(values, clusters, seed=0)
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.interval is not None
    assert estimate.interval[0] < estimate.mean < estimate.interval[1]


def test_same_seed_same_interval() -> None:
    values, clusters = sample()
    assert mean_interval(values, clusters, seed=3) == mean_interval(values, clusters, seed=3)
    assert mean_interval(values, clusters, seed=3) != mean_interval(values, clusters, seed=4)


def test_order_of_pairs_does_not_matter() -> None:
    values, clusters = sample()
    order = np.random.default_rng(1).permutation(len(values))
    turned = mean_interval(values[order], [clusters[i] for i in order], seed=0)
    plain = mean_interval(values, clusters, seed=0)
    assert turned.interval == pytest.approx(plain.interval)


def test_interval_moves_and_stretches_with_the_values() -> None:
    values, clusters = sample()
    low, high = mean_interval(values, clusters, seed=0).interval or (0, 0)
    moved = mean_interval(2 * values + 1, clusters, seed=0).interval
    assert moved == pytest.approx((2 * low + 1, 2 * high + 1))


def test_copies_within_a_clip_add_no_certainty() -> None:
    """Ten copies of every value are still twelve clips: the naive interval would shrink."""
    values = np.random.default_rng(0).normal(0.5, 0.1, 12)
    once = mean_interval(values, CLIPS, seed=0).interval
    copied = mean_interval(np.repeat(values, 10), np.repeat(CLIPS, 10).tolist(), seed=0).interval
    assert copied == pytest.approx(once)


def test_unlike_clips_widen_the_interval_more_than_unlike_edits() -> None:
    values, clusters = sample()
    between = mean_interval(values, clusters, seed=0).interval or (0, 0)
    apart = mean_interval(values, [str(i) for i in range(48)], seed=0).interval or (0, 0)
    assert between[1] - between[0] > 1.5 * (apart[1] - apart[0])


@pytest.mark.parametrize("count", [2, 3, 12])
def test_identical_values_have_zero_width(count: int) -> None:
    estimate = mean_interval(np.full(count, 0.1), CLIPS[:count], seed=0)
    assert (estimate.mean, estimate.interval) == (0.1, (0.1, 0.1))


def test_one_clip_has_no_interval() -> None:
    estimate = mean_interval(np.array([0.2, 0.4]), ["a", "a"], seed=0)
    assert estimate.mean == pytest.approx(0.3)
    assert estimate.interval is None
    lone = paired_difference(np.array([0.2]), np.array([0.1]), ["a"], seed=0)
    assert (lone.interval, lone.p, lone.separable) == (None, None, False)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_clips_have_students_interval(count: int) -> None:
    values = np.array([0.3, 0.5, 0.45, 0.7, 0.1])[:count]
    expected = scipy.stats.ttest_1samp(values, 0)
    low, high = mean_interval(values, CLIPS[:count], seed=0).interval or (0, 0)
    ends = expected.confidence_interval(0.95)
    assert (low, high) == pytest.approx((ends.low, ends.high))
    zero = paired_difference(values, np.zeros(count), CLIPS[:count], seed=0)
    assert zero.p == pytest.approx(expected.pvalue)


def test_resampling_agrees_with_scipy() -> None:
    """The same percentile, taken from SciPy's bootstrap of clip means."""
    values = np.random.default_rng(5).normal(0.5, 0.1, 12)
    low, high = mean_interval(values, CLIPS, seed=0, resamples=50_000).interval or (0, 0)
    tail = scipy.stats.norm.cdf(-scipy.stats.t.ppf(0.975, 11) * np.sqrt(12 / 11))
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, confidence_level=1 - 2 * tail,
        method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=2e-3)


def test_p_agrees_with_the_paired_t_test_on_normal_data() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.55, 0.1, 40), rng.normal(0.5, 0.1, 40)
    clips = [str(i) for i in range(40)]
    ours = paired_difference(a, b, clips, seed=0, resamples=50_000)
    assert ours.p == pytest.approx(scipy.stats.ttest_rel(a, b).pvalue, abs=0.01)
    assert ours.separable == (ours.p is not None and ours.p < 0.05)


def test_swapping_the_methods_swaps_the_sign() -> None:
    a, clusters = sample(0)
    b, _ = sample(1)
    one, other = (paired_difference(x, y, clusters, seed=0) for x, y in ((a, b), (b, a)))
    assert one.mean == pytest.approx(-other.mean)
    assert one.p == pytest.approx(other.p)
    assert one.interval == pytest.approx(tuple(-end for end in reversed(other.interval or ())))


def test_pairing_sees_what_the_spread_of_clips_hides() -> None:
    values, clusters = sample()
    better = values + 0.02
    overlap = mean_interval(values, clusters, seed=0).interval or (0, 0)
    assert overlap[0] < better.mean() < overlap[1]
    difference = paired_difference(better, values, clusters, seed=0)
    assert difference.separable
    assert difference.mean == pytest.approx(0.02)


def test_nothing_differs() -> None:
    values, clusters = sample()
    same = paired_difference(values, values, clusters, seed=0)
    assert (same.mean, same.interval, same.p, same.separable) == (0.0, (0.0, 0.0), 1.0, False)


def test_the_data_count_as_one_of_the_resamples() -> None:
    """No number of resamples shows a chance of zero: 12 clips that all differ the same way."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(5, 0.1, 12), rng.normal(0, 0.1, 12)
    found = paired_difference(a, b, CLIPS, seed=0, resamples=99)
    steps = scipy.stats.norm.ppf(1 - 1 / 100) * np.sqrt(11 / 12)
    assert found.p == pytest.approx(2 * scipy.stats.t.sf(steps, 11))


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [
        ([], [], "no value"),
        ([0.1, float("nan")], ["a", "b"], "finite"),
        ([0.1], ["a", "b"], "needs a cluster"),
    ],
)
def test_bad_input_is_refused(values: list[float], clusters: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_interval(np.array(values, dtype=float), clusters, seed=0)


def test_unpaired_values_and_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="of one length"):
        paired_difference(np.zeros(2), np.zeros(3), ["a", "b"], seed=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_interval(np.zeros(2), ["a", "b"], seed=0, level=95.0)


@pytest.mark.slow
@pytest.mark.parametrize("clips", [2, 3, 6, 12, 24])
def test_the_interval_holds_the_truth_as_often_as_it_says(clips: int) -> None:
    """2000 samples: the standard error of a share of .95 is .005; the bounds are 4 and more."""
    held = 0
    for seed in range(2000):
        values, clusters = sample(seed, clips, edits=3)
        low, high = mean_interval(values, clusters, seed, resamples=2000).interval or (0, 0)
        held += low <= 0.6 <= high
    assert 0.925 <= held / 2000 <= 0.975


def test_the_interval_of_any_statistic_is_that_of_a_mean_where_it_is_the_mean() -> None:
    values, clusters = sample()
    names = np.unique(clusters)  # the order in which a mean counts them
    sums = np.array([values[np.array(clusters) == name].sum() for name in names])
    found = clustered_interval(lambda drawn: float(drawn @ sums) / (4 * drawn.sum()), 12, seed=0)
    assert found == pytest.approx(mean_interval(values, clusters, seed=0).interval)


def test_a_statistic_of_few_clusters_has_no_interval() -> None:
    assert clustered_interval(lambda drawn: float(drawn[0]), 5, seed=0) is None
    assert clustered_interval(lambda _: float("nan"), 12, seed=0) is None
    assert clustered_interval(lambda _: 0.25, 12, seed=0) == (0.25, 0.25)
