"""What a cache kept of an earlier run stays part of the cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from smmbench.running.batches import Batches
from smmbench.storage.cached_cost import count_kept, counting_kept
from smmbench_baselines.one_clip.adapters import Adapter, cached_adapters


def test_seconds_add_up_and_the_peak_is_the_highest() -> None:
    with counting_kept() as kept:
        count_kept(2.0, peak=5)
        count_kept(3.0, peak=1)
    assert (kept.seconds, kept.peak) == (5.0, 5)
    count_kept(7.0)  # nobody counts
    assert kept.seconds == 5.0


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more, got -1"):
        count_kept(-1.0)


def test_a_batch_costs_what_it_would_without_the_cache() -> None:
    def work(items: Sequence[int]) -> Sequence[int]:
        for _ in items:
            count_kept(10.0, peak=2**60)
        return items

    outcomes = list(Batches("prepare", 2, "cpu").run(work, [1, 2]))
    assert [one.kept for one in outcomes] == [10.0, 10.0]
    assert all(10 < one.seconds < 11 and one.peak == 2**60 for one in outcomes)


def test_a_cached_adapter_costs_what_its_tuning_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path))
    monkeypatch.setattr("time.perf_counter", iter([0.0, 6.0]).__next__)

    def tune(places: Sequence[int]) -> list[Adapter]:
        return [{"x": torch.full((2,), float(place))} for place in places]

    origins = [{"clip": "a"}, {"clip": "b"}]
    with counting_kept() as kept:
        cached_adapters(origins, tune, "cpu")
    assert kept.seconds == 0
    monkeypatch.undo()
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path))
    with counting_kept() as kept:
        adapters = cached_adapters(origins, lambda _: pytest.fail("it was kept"), "cpu")
    assert kept.seconds == 6 and kept.peak > 0
    assert [one["x"].tolist() for one in adapters] == [[0, 0], [1, 1]]
