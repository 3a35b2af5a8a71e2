"""Numbers that methods report of their own work: who collects them, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from smmbench.diffusion.guidance import FIRST_LOSS, LAST_LOSS, descend, gradient
from smmbench.method.reporting import collecting, report, series_of
from smmbench.running.batches import Batches


def _squares(x: torch.Tensor) -> torch.Tensor:
    return x.square().flatten(1).sum(1)


def test_each_sample_has_its_own_series() -> None:
    with collecting() as reports:
        report("loss", torch.tensor([1.0, 10.0]))
        report("loss", [0.5, 5.0])
    assert series_of(reports, 2) == [{"loss": (1.0, 0.5)}, {"loss": (10.0, 5.0)}]


def test_what_fits_no_sample_is_left_out() -> None:
    with collecting() as reports:
        report("whole batch", [1.0])
        report("broken", [1.0, float("nan")])
        report("good", [1.0, 2.0])
    assert [*series_of(reports, 2)[0]] == ["good"]


def test_reporting_to_nobody_does_nothing() -> None:
    report("loss", [1.0])
    with collecting() as reports:
        pass
    assert reports == {}


def test_a_descent_reports_its_first_and_last_loss() -> None:
    x = torch.tensor([[[[[2.0]]]], [[[[4.0]]]]])
    with collecting() as reports:
        descend(x, _squares, 5, 0.1, "a test")
    first, last = series_of(reports, 2)[0], series_of(reports, 2)[1]
    assert first[FIRST_LOSS] == (4.0,) and last[FIRST_LOSS] == (16.0,)
    assert first[LAST_LOSS][0] < 4.0 and last[LAST_LOSS][0] < 16.0


def test_a_single_gradient_is_first_and_last() -> None:
    with collecting() as reports:
        slope, _ = gradient(torch.full((1, 1, 1, 1, 1), 3.0), _squares, "a test")
    assert slope.item() == 6.0
    (series,) = series_of(reports, 1)
    assert series[FIRST_LOSS] == series[LAST_LOSS] == (9.0,)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batches_hand_series_to_their_items(size: int) -> None:
    def work(items: Sequence[int]) -> list[int]:
        report("double", [2.0 * item for item in items])
        return list(items)

    outcomes = list(Batches("transfer", size, "cpu").run(work, [1, 2, 3]))
    assert [one.series["double"] for one in outcomes] == [(2.0,), (4.0,), (6.0,)]
