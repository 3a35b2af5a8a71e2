"""Flow matching's schedule: levels, ladder, moves; what both kinds of schedule share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Prediction, within
from smmbench.diffusion.schedulers import read_schedule

WAN = FlowSchedule(shift=3.0)
ZEROSCOPE = AlphaBarSchedule.from_config(
    {
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "steps_offset": 1,
    }
)
BOTH = pytest.mark.parametrize("schedule", [WAN, ZEROSCOPE], ids=["flow", "alpha-bar"])


def pair() -> Prediction:
    x0, noise = torch.randn(2, 1, 4, 2, 3, 3, dtype=torch.float64)
    return Prediction(x0, noise)


@pytest.mark.parametrize("shift", [1.0, 3.0, 5.0])
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_timesteps_are_those_of_diffusers(shift: float, steps: int) -> None:
    import diffusers

    untyped: Any = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    untyped.set_timesteps(steps)
    assert FlowSchedule(shift).timesteps(steps) == pytest.approx(untyped.timesteps.tolist())


def test_the_ladder_of_wan_starts_in_noise_and_ends_above_zero() -> None:
    found = WAN.timesteps(50)
    assert found[0] == 1000 and WAN.mu(found[0]) == 0
    assert found[-2:] == pytest.approx((66.9, 8.93), abs=0.01)


@BOTH
def test_output_and_read_undo_each_other(schedule: NoiseSchedule) -> None:
    true, t = pair(), schedule.timesteps(10)[3]
    x = schedule.at(t, true)
    found = schedule.read(schedule.output(true, t), x, t)
    torch.testing.assert_close(found.x0, true.x0)
    torch.testing.assert_close(found.noise, true.noise)


@BOTH
def test_an_inversion_step_undoes_a_sampling_step(schedule: NoiseSchedule) -> None:
    true, (t, below) = pair(), schedule.timesteps(10)[3:5]
    x, output = schedule.at(t, true), schedule.output(true, t)
    stepped = schedule.at(below, schedule.read(output, x, t))
    torch.testing.assert_close(schedule.inversion_step(output, stepped, below, t), x)


@BOTH
def test_noising_forward_has_the_levels_of_the_later_timestep(schedule: NoiseSchedule) -> None:
    t, below = schedule.timesteps(10)[3:5]
    kept, fresh = schedule.fresh_share(below, t)
    assert kept * schedule.mu(below) == pytest.approx(schedule.mu(t))
    variance = (kept * schedule.sigma(below)) ** 2 + fresh**2
    assert variance == pytest.approx(schedule.sigma(t) ** 2)
    assert schedule.fresh_share(CLEAN, t) == pytest.approx(
        (schedule.mu(t) / schedule.mu(CLEAN), fresh_from_clean(schedule, t))
    )


def fresh_from_clean(schedule: NoiseSchedule, t: float) -> float:
    clean = (schedule.mu(t) / schedule.mu(CLEAN)) * schedule.sigma(CLEAN)
    return float(np.sqrt(schedule.sigma(t) ** 2 - clean**2))


@BOTH
def test_the_nearest_timestep_of_a_level_has_that_level(schedule: NoiseSchedule) -> None:
    for level in (0.3, 0.7, 0.9):
        assert schedule.noise_level(schedule.nearest(level)) == pytest.approx(level, abs=1e-3)


@BOTH
def test_levels_fall_along_the_ladder_and_a_window_cuts_it(schedule: NoiseSchedule) -> None:
    timesteps = schedule.timesteps(50)
    levels = [schedule.noise_level(t) for t in timesteps]
    assert levels == sorted(levels, reverse=True)
    cut = within(schedule, timesteps, 0.9, 0.6)
    assert cut == tuple(
        t for t, level in zip(timesteps, levels, strict=True) if 0.6 <= level <= 0.9
    )
    assert 0 < len(cut) < 50
    assert within(schedule, timesteps, 1.0, 0.0) == timesteps


@BOTH
def test_draws_are_of_the_schedule_and_of_the_seed(schedule: NoiseSchedule) -> None:
    def drawn(seed: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed)
        return [schedule.draw(generator) for _ in range(50)]

    assert drawn(0) == drawn(0) != drawn(1)
    assert all(0 <= t <= schedule.length for t in drawn(0))


def test_a_shift_draws_noisier() -> None:
    def mean(shift: float) -> float:
        generator = torch.Generator().manual_seed(0)
        return float(np.mean([FlowSchedule(shift).draw(generator) for _ in range(400)]))

    assert mean(1.0) == pytest.approx(500, abs=40)
    assert mean(3.0) > mean(1.0) + 100


def test_the_level_of_a_flow_is_sigma() -> None:
    assert WAN.noise_level(421.0) == pytest.approx(0.421)
    assert WAN.noise_level(CLEAN) == 0


def test_bad_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the schedule, 0 to 1000"):
        WAN.sigma(1001)
    with pytest.raises(ValueError, match="noise level must be from 0 to 1, got 2"):
        WAN.nearest(2.0)
    with pytest.raises(ValueError, match="Steps must be 1 to 1000"):
        WAN.timesteps(0)
    with pytest.raises(ValueError, match=r"shift .* must be above 0"):
        FlowSchedule(0.0)


@pytest.mark.parametrize(
    ("config", "shift"),
    [
        ({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 5.0}, 5.0),
        ({"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": True, "flow_shift": 3}, 3.0),
        ({"_class_name": "DPMSolverMultistepScheduler", "prediction_type": "flow_prediction"}, 1.0),
    ],
)
def test_flows_are_told_by_class_and_setting(config: dict[str, Any], shift: float) -> None:
    assert read_schedule(config, "m") == FlowSchedule(shift)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"shift": 3.0}, "not stated"),
        ({"_class_name": "EDMEulerScheduler"}, "EDMEulerScheduler, which is not supported"),
        (
            {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True},
            "use_dynamic_shifting=True",
        ),
        ({"_class_name": "UniPCMultistepScheduler"}, "noise levels are unknown"),
    ],
)
def test_a_scheduler_that_leaves_its_levels_open_is_refused(
    config: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_schedule(config, "m")
