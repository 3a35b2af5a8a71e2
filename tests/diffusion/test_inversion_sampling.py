"""Inversion and sampling on models whose answer is known in closed form."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.inversion import Solver, inversion_timesteps, invert, second_order_step
from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.sampling import sample, sampling_step, steps
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Prediction

TEXT = torch.zeros(1, 1, 1)


def schedule(kind: str) -> NoiseSchedule:
    return AlphaBarSchedule.from_config(
        {
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "prediction_type": kind,
            "rescale_betas_zero_snr": kind == "v_prediction",
            "timestep_spacing": "trailing",
        }
    )


class Empty(nn.Module):
    """A network of one unused weight, which tells its precision."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))


class Gaussian(Empty):
    """The exact model of data that is normal with mean 0 and a standard deviation of 2.

    For x = mu x0 + sigma eps the expected clean latent is 4 mu x / (4 mu^2 + sigma^2).
    """

    def __init__(self, levels: NoiseSchedule) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, x: Tensor, t: int, encoder_hidden_states: Tensor, **_: Any) -> tuple[Tensor]:
        mu, sigma = self.levels.mu(t), self.levels.sigma(t)
        variance = 4 * mu**2 + sigma**2
        x0, eps = 4 * mu * x / variance, sigma * x / variance
        return (eps if self.levels.predicts == "epsilon" else mu * eps - sigma * x0,)


@pytest.fixture(params=["epsilon", "v_prediction"])
def denoiser(request: pytest.FixtureRequest) -> Denoiser:
    levels = schedule(request.param)
    return Denoiser(Gaussian(levels), levels)


def latent() -> Tensor:
    return 2 * noise(torch.empty(1, 2, 3, 4, 4, dtype=torch.float64), generators([0]))


def test_sampling_follows_the_flow_of_a_gaussian(denoiser: Denoiser) -> None:
    """The flow scales the latent by the data's spread at both ends: from sigma_T' to 2."""
    levels = denoiser.schedule
    timesteps = levels.timesteps(500)
    first = timesteps[0]
    x = latent()
    found = sample(levels, lambda x, t: denoiser.predict(x, t, TEXT), x, timesteps)
    spread = (4 * levels.mu(first) ** 2 + levels.sigma(first) ** 2) ** 0.5
    torch.testing.assert_close(found, x * 2 / spread, rtol=0.02, atol=0)


def test_inversion_then_sampling_comes_back(denoiser: Denoiser) -> None:
    """The error falls with the number of steps, as an Euler method's must."""
    clean, errors = latent(), []
    for count in (50, 200):
        timesteps = denoiser.schedule.timesteps(count)
        kept = invert(denoiser, clean, TEXT, timesteps[::-1], timesteps)
        back = sample(
            denoiser.schedule,
            lambda x, t: denoiser.predict(x, t, TEXT),
            kept[timesteps[0]],
            timesteps,
        )
        errors.append(float((back - clean).norm() / clean.norm()))
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 3


def test_a_refined_inversion_is_undone_by_sampling(denoiser: Denoiser) -> None:
    """At the fixed point each step is the sampling's own, backwards."""
    clean, timesteps = latent(), denoiser.schedule.timesteps(20)
    errors = []
    for refinements in (0, 1, 2, 30):
        kept = invert(denoiser, clean, TEXT, timesteps[::-1], timesteps, refinements)
        back = sample(
            denoiser.schedule,
            lambda x, t: denoiser.predict(x, t, TEXT),
            kept[timesteps[0]],
            timesteps,
        )
        errors.append(float((back - clean).norm() / clean.norm()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6


def test_inversion_keeps_what_was_asked_for(denoiser: Denoiser) -> None:
    levels, clean = denoiser.schedule, latent()
    sampling = levels.timesteps(5)
    timesteps = inversion_timesteps(levels, 8, sampling)
    assert timesteps == tuple(sorted({*levels.timesteps(8), *sampling}))
    kept = invert(denoiser, clean, TEXT, timesteps, sampling[2:])
    assert set(kept) == {CLEAN, *sampling[2:], timesteps[-1]}
    assert kept[CLEAN] is clean
    # Whatever else is kept, the way is the same.
    everything = invert(denoiser, clean, TEXT, timesteps, timesteps)
    assert all(torch.equal(kept[t], everything[t]) for t in kept)


def test_an_inversion_step_is_the_papers() -> None:
    levels = schedule("epsilon")
    denoiser = Denoiser(Gaussian(levels), levels)
    x, t = latent(), 39
    kept = invert(denoiser, x, TEXT, [19, 39], [19, 39])
    mu, sigma, mu_prev, sigma_prev = (
        levels.mu(39),
        levels.sigma(39),
        levels.mu(19),
        levels.sigma(19),
    )
    eps = denoiser.output(kept[19], t, TEXT)
    x0 = (kept[19] - sigma_prev * eps) / mu_prev
    torch.testing.assert_close(kept[39], mu * x0 + sigma * eps)


def test_guidance_is_taken_in_what_the_network_returns(denoiser: Denoiser) -> None:
    """A network whose output is its text: guidance extrapolates it, the clean latent follows."""

    class Text(Empty):
        def forward(self, x: Tensor, t: int, encoder_hidden_states: Tensor, **_: Any) -> Any:
            calls.append(len(x))
            return (torch.ones_like(x) * encoder_hidden_states[:, 0, 0].view(-1, 1, 1, 1, 1),)

    calls: list[int] = []
    levels = denoiser.schedule
    speaking = Denoiser(Text(), levels)
    x = torch.zeros(2, 1, 1, 1, 1, dtype=torch.float64)
    text, negative = torch.tensor([[[1.0]], [[3.0]]]).double(), torch.full((1, 1, 1), 0.5).double()
    guided = speaking.guided(x, 500, text, negative, 4.0)
    expected = torch.tensor([0.5 + 4 * 0.5, 0.5 + 4 * 2.5], dtype=torch.float64)
    torch.testing.assert_close(guided.x0, levels.read(expected.view(2, 1, 1, 1, 1), x, 500).x0)
    unguided = speaking.guided(x, 500, text, negative, 1.0)
    torch.testing.assert_close(unguided.x0, speaking.predict(x, 500, text).x0)
    assert calls == [4, 2, 2]  # the pair in one batch; no pair where there is no guidance


def test_full_rescale_gives_the_output_its_unguided_spread(denoiser: Denoiser) -> None:
    class Wide(Empty):
        def forward(self, x: Tensor, t: int, encoder_hidden_states: Tensor, **_: Any) -> Any:
            return (x * encoder_hidden_states[:, 0, 0].view(-1, 1, 1, 1, 1),)

    wide, x = Denoiser(Wide(), denoiser.schedule), latent()
    text, negative = torch.full((1, 1, 1), 2.0), torch.full((1, 1, 1), 1.0)
    found = wide.guided(x, 500, text, negative, 9.0, rescale=1.0)
    torch.testing.assert_close(found.x0, wide.predict(x, 500, text).x0)


def test_nothing_to_do_changes_nothing(denoiser: Denoiser) -> None:
    x = latent()
    assert sample(denoiser.schedule, lambda x, t: Prediction(x, x), x, []) is x
    assert list(steps([9, 4])) == [(9, 4), (4, CLEAN)]


def test_nan_is_told_with_its_place(denoiser: Denoiser) -> None:
    x = torch.full((1, 1, 1, 1, 1), float("nan"), dtype=torch.float64)
    with pytest.raises(FloatingPointError, match="sampling at timestep 499"):
        sampling_step(denoiser.schedule, lambda x, t: denoiser.predict(x, t, TEXT), x, 499, 99)
    with pytest.raises(FloatingPointError, match="inversion at timestep 99"):
        invert(denoiser, x, TEXT, [99, 499], [])


def test_a_samples_noise_is_its_own() -> None:
    like = torch.empty(3, 2, 2)
    batch = noise(like, generators([5, 6, 7]))
    assert torch.equal(batch[1:2], noise(like[:1], generators([6])))
    assert torch.equal(batch, noise(like, generators([5, 6, 7])))
    assert not torch.equal(batch[0], batch[1])
    # One generator goes on where it stopped.
    (draws,) = generators([5])
    assert torch.equal(noise(like[:1], draws), batch[:1])
    assert not torch.equal(noise(like[:1], draws), batch[:1])
    with pytest.raises(ValueError, match="3 samples need one generator each, got 2"):
        noise(like, generators([1, 2]))


class Winding(Empty):
    """The velocity 2 cos(2 sigma) x, along which x grows by exp(sin 2 sigma).

    Not the velocity of normal data: along that the midpoint rule is of third order.
    """

    def forward(
        self, x: Tensor, t: float, encoder_hidden_states: Tensor, **_: Any
    ) -> tuple[Tensor]:
        return (2 * math.cos(2 * float(t) / 1000) * x,)


@pytest.mark.parametrize(("solver", "order"), [("first-order", 1), ("rf-solver", 2)])
def test_solvers_of_a_flow_converge_with_their_order(solver: Solver, order: int) -> None:
    """Inverted to pure noise: twice the steps leave half of the error, or a quarter.

    Without a shift: with one, the step from the clean latent does not shrink with the others.
    """
    flow, levels = Winding(), FlowSchedule(1.0)
    clean = torch.linspace(-1, 2, 64, dtype=torch.float64).reshape(1, 1, 4, 4, 4)
    exact = clean * math.exp(math.sin(2))
    errors = []
    for count in (64, 128, 256, 512):
        way = levels.timesteps(count)
        found = invert(Denoiser(flow, levels), clean, TEXT, way[::-1], way, solver=solver)
        errors.append(float((found[way[0]] - exact).norm() / exact.norm()))
    for more, less in itertools.pairwise(errors):
        assert math.log2(more / less) == pytest.approx(order, abs=0.25)


def test_rf_solver_comes_back_with_its_order() -> None:
    """Inverted and sampled back by the same steps: what is lost is of second order at least."""
    flow, levels = Winding(), FlowSchedule(3.0)
    denoiser = Denoiser(flow, levels)
    clean = torch.linspace(-1, 2, 64, dtype=torch.float64).reshape(1, 1, 4, 4, 4)
    errors = []
    for count in (32, 64, 128):
        way = levels.timesteps(count)
        x = invert(denoiser, clean, TEXT, way[::-1], way, solver="rf-solver")[way[0]]
        for t, to in steps(way):
            x = second_order_step(denoiser, x, TEXT, t, to)
        errors.append(float((x - clean).norm() / clean.norm()))
    for more, less in itertools.pairwise(errors):
        assert math.log2(more / less) > 1.75
