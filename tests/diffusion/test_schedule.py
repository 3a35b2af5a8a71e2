"""The noise schedule against diffusers' own, and against the identities that define it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler as _DDIMScheduler

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.schedule import CLEAN, Prediction

DDIMScheduler: Any = _DDIMScheduler  # diffusers' own types leave out most of its methods
ZEROSCOPE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
ZERO_SNR = {
    "beta_schedule": "scaled_linear",
    "rescale_betas_zero_snr": True,
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "clip_sample": False,
}


@pytest.mark.parametrize("steps", [1, 7, 25, 50, 999])
@pytest.mark.parametrize(
    "spacing", [{"timestep_spacing": name} for name in ("leading", "trailing", "linspace")]
)
def test_timesteps_are_those_of_diffusers(spacing: dict[str, str], steps: int) -> None:
    scheduler = DDIMScheduler(**spacing)
    if spacing["timestep_spacing"] == "linspace" and steps == 1:
        pytest.skip("diffusers' linspace of one step starts at the clean end")
    scheduler.set_timesteps(steps)
    expected = tuple(scheduler.timesteps.tolist())[:steps]
    assert AlphaBarSchedule.from_scheduler(scheduler).timesteps(steps) == expected


def test_the_papers_inversion_visits_every_sampling_timestep() -> None:
    schedule = AlphaBarSchedule.from_config(ZEROSCOPE)
    assert schedule.timesteps(50)[0] == 981
    assert schedule.timesteps(50)[-1] == 1
    assert set(schedule.timesteps(50)) < set(schedule.timesteps(999))


@pytest.mark.parametrize("config", [ZEROSCOPE, ZERO_SNR])
@pytest.mark.parametrize("at", [0, 10, 24])
def test_a_step_is_the_step_of_diffusers(config: dict[str, object], at: int) -> None:
    scheduler = DDIMScheduler.from_config(config)
    scheduler.set_timesteps(25)
    schedule = AlphaBarSchedule.from_scheduler(scheduler)
    x, output = torch.randn(2, 1, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    timesteps = [*schedule.timesteps(25), CLEAN]
    t, to = timesteps[at], timesteps[at + 1]
    expected = scheduler.step(output, t, x).prev_sample
    torch.testing.assert_close(schedule.at(to, schedule.read(output, x, t)), expected)


def test_signal_and_noise_keep_the_variance() -> None:
    schedule = AlphaBarSchedule.from_config(ZEROSCOPE)
    for t in (CLEAN, 0, 1, 500, 999):
        assert schedule.mu(t) ** 2 + schedule.sigma(t) ** 2 == pytest.approx(1)
    assert schedule.mu(CLEAN) == schedule.mu(0)  # set_alpha_to_one is false
    assert AlphaBarSchedule.from_config(ZERO_SNR).mu(CLEAN) == 1


def test_eps_and_v_models_of_the_same_clean_latent_agree() -> None:
    levels = {key: value for key, value in ZERO_SNR.items() if key != "rescale_betas_zero_snr"}
    v_model = AlphaBarSchedule.from_config(levels)
    eps_model = AlphaBarSchedule.from_config({**levels, "prediction_type": "epsilon"})
    x0, eps = torch.randn(2, 1, 4, 2, 3, 3, dtype=torch.float64)
    for t in (1, 300, 999):
        mu, sigma = v_model.mu(t), v_model.sigma(t)
        x = mu * x0 + sigma * eps
        for found in (eps_model.read(eps, x, t), v_model.read(mu * eps - sigma * x0, x, t)):
            torch.testing.assert_close(found.x0, x0)
            torch.testing.assert_close(found.noise, eps)


def test_with_no_signal_left_the_latent_is_the_noise_and_v_is_minus_the_clip() -> None:
    schedule = AlphaBarSchedule.from_config(ZERO_SNR)
    assert schedule.mu(999) == 0
    x, v = torch.randn(2, 1, 4, 2, 3, 3)
    found = schedule.read(v, x, 999)
    assert torch.equal(found.x0, -v)
    assert torch.equal(found.noise, x)


@pytest.mark.parametrize("config", [ZEROSCOPE, ZERO_SNR])
def test_an_inversion_step_undoes_a_sampling_step(config: dict[str, object]) -> None:
    """With one output for both, inversion is exact for eps and for v, at alpha_bar = 0 too."""
    schedule = AlphaBarSchedule.from_config(config)
    x, output = torch.randn(2, 1, 4, 2, 3, 3, dtype=torch.float64)
    timesteps = [*schedule.timesteps(20), CLEAN]
    for t, below in pairwise(timesteps):
        stepped = schedule.at(below, schedule.read(output, x, t))
        torch.testing.assert_close(schedule.inversion_step(output, stepped, below, t), x)


def test_renoising_is_the_law_of_the_forward_process() -> None:
    schedule = AlphaBarSchedule.from_config(ZEROSCOPE)
    zero, one = torch.zeros(1), torch.ones(1)
    signal = schedule.renoise(one * schedule.mu(421), 421, 441, zero)
    assert signal.item() == pytest.approx(schedule.mu(441))
    # Variances add: what was there, shrunk, and what comes new.
    old = schedule.renoise(one * schedule.sigma(421), 421, 441, zero).item()
    new = schedule.renoise(zero, 421, 441, one).item()
    assert old**2 + new**2 == pytest.approx(schedule.sigma(441) ** 2)
    assert schedule.at(441, Prediction(one, zero)).item() == pytest.approx(schedule.mu(441))


def test_what_cannot_be_followed_is_refused() -> None:
    with pytest.raises(ValueError, match="must predict v"):
        AlphaBarSchedule.from_config({**ZERO_SNR, "prediction_type": "epsilon"})
    with pytest.raises(ValueError, match="prediction_type is 'sample'"):
        AlphaBarSchedule.from_config({**ZEROSCOPE, "prediction_type": "sample"})
    with pytest.raises(ValueError, match="timestep_spacing is 'karras'"):
        AlphaBarSchedule(np.ones(10) / 2, 1.0, "epsilon", spacing="karras")
    schedule = AlphaBarSchedule.from_config(ZEROSCOPE)
    with pytest.raises(ValueError, match="take fewer steps"):
        schedule.timesteps(1000)
    with pytest.raises(ValueError, match="1 to 1000, got 0"):
        schedule.timesteps(0)
    with pytest.raises(ValueError, match="outside the schedule"):
        schedule.mu(1000)


def test_the_schedule_of_a_saved_model(tiny_backbone: Path) -> None:
    from smmbench.diffusion.loading import load_schedule

    schedule = load_schedule(tiny_backbone)
    assert schedule.predicts == "v"
    assert schedule.timesteps(25)[0] == 999
    # Saved by another scheduler's class: the levels are the same.
    path = tiny_backbone / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text()) | {"_class_name": "PNDMScheduler"}
    assert isinstance(schedule, AlphaBarSchedule)
    assert np.array_equal(AlphaBarSchedule.from_config(config).alpha_bar, schedule.alpha_bar)


def test_pure_noise_is_not_reached_from_a_clean_latent_at_once() -> None:
    schedule = AlphaBarSchedule.from_config(ZERO_SNR)
    x = torch.zeros(1, 1, 1, 1, 1)
    with pytest.raises(ValueError, match=r"at once, which is pure noise .* more inversion steps"):
        schedule.inversion_step(x, x, CLEAN, schedule.timesteps(1)[0])
    assert schedule.inversion_step(x, x, CLEAN, schedule.timesteps(2)[-1]).isfinite().all()
    assert AlphaBarSchedule.from_config(ZEROSCOPE).inversion_step(x, x, CLEAN, 999).isfinite().all()
