"""SMM's pieces against the published algorithm, written here a second time from its formulas.

On a random UNet of ZeroScope's block layout, in float32 on the CPU, to 1e-4 relative: the pieces,
ten iterations at the paper's rate, and a whole pair from clip to result. The reference shares
nothing with the package: it calls the network itself and looks inside with its own hooks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import diffusers
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from smmbench.diffusion.alpha_bar import AlphaBarSchedule
from smmbench.diffusion.denoiser import Denoiser
from smmbench.diffusion.inversion import inversion_timesteps, invert
from smmbench.diffusion.noise import generators
from smmbench.diffusion.schedule import CLEAN
from smmbench.smm import (
    Parameters,
    guidance_rates,
    guide,
    sample_with_guidance,
    smm_loss,
    start_latent,
)

PAPER = Parameters(dtype="float32")
T = 741
RATE = PAPER.rates[0]

LAYERS = ("up_blocks.1.upsamplers.0", "up_blocks.1.resnets.1.conv2", "up_blocks.1.temp_convs.1")


@pytest.fixture(scope="module")
def unet() -> Any:
    """Four groups, so that each holds 4 or more channels (ZeroScope's hold 10 or more).

    Where a group of the deepest level is two numbers in all (32 groups of 64 channels, 8 x 8
    latents), its norm is their order: a step, at which rounding grew up to 270,000-fold in one
    pass. Here it grows 9-fold at most.
    """
    untyped: Any = diffusers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = untyped.UNet3DConditionModel(
            down_block_types=("CrossAttnDownBlock3D",) * 3 + ("DownBlock3D",),
            up_block_types=("UpBlock3D",) + ("CrossAttnUpBlock3D",) * 3,
            block_out_channels=(16, 16, 32, 32),
            layers_per_block=2,
            attention_head_dim=8,
            cross_attention_dim=16,
            norm_num_groups=4,
        )
        for parameter in made.parameters():  # temporal layers begin as zeros
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)
    return made.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def scheduler() -> Any:
    """ZeroScope's and ModelScope's."""
    untyped: Any = diffusers
    return untyped.DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


@pytest.fixture(scope="module")
def denoiser(unet: Any, scheduler: Any) -> Denoiser:
    return Denoiser(unet, AlphaBarSchedule.from_scheduler(scheduler))


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


X = draw(1, 4, 3, 8, 16, seed=1)
SOURCE = draw(1, 4, 3, 8, 16, seed=2)
TEXT, SOURCE_TEXT, NEGATIVE, EMPTY = (draw(1, 5, 16, seed=seed) for seed in (3, 4, 5, 9))


def same(ours: Tensor, theirs: Tensor) -> None:
    """To 1e-4 of the size of the whole."""
    assert ours.shape == theirs.shape
    assert (ours - theirs).norm() <= 1e-4 * theirs.norm()


# The published algorithm


def forward(unet: Any, x: Tensor, t: int, text: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The network's noise, and the compared layers' outputs as (time, channel, rows, columns)."""
    seen: dict[str, Tensor] = {}
    hooks = [
        unet.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: seen.__setitem__(name, output)
        )
        for name in LAYERS
    ]
    eps = unet(x, t, encoder_hidden_states=text).sample
    for hook in hooks:
        hook.remove()
    return eps, seen


def reference_loss(
    a: dict[str, Tensor], b: dict[str, Tensor], kind: str = "smm-differences", l2: bool = False
) -> Tensor:
    total = torch.zeros(())
    for name in LAYERS:
        f, g = a[name], b[name]  # time, channel, rows, columns
        if kind == "full":
            p, q = f.permute(0, 2, 3, 1), g.permute(0, 2, 3, 1)
        else:
            p, q = f.mean((2, 3)), g.mean((2, 3))
        if kind == "smm-differences":
            frames = range(len(p))
            p, q = (torch.stack([m[i] - m[j] for i in frames for j in frames]) for m in (p, q))
        if l2:
            total = total + ((p - q) ** 2).sum()
        else:
            length = p.norm(dim=-1).clamp_min(1e-8) * q.norm(dim=-1).clamp_min(1e-8)
            total = total + (1 - (p * q).sum(-1) / length).mean()
    return total


def levels(scheduler: Any, t: int) -> tuple[float, float]:
    kept = float(scheduler.alphas_cumprod[max(t, 0)])  # below 0: set_alpha_to_one is off
    return kept**0.5, (1 - kept) ** 0.5


def shrink_and_enlarge(x: Tensor, factor: int = 4) -> Tensor:
    frames = []
    for frame in x[0].unbind(1):
        rows, columns = frame.shape[-2:]
        how: dict[str, Any] = {"mode": "bilinear", "antialias": True, "align_corners": True}
        small = F.interpolate(frame[None], size=(rows // factor, columns // factor), **how)
        frames.append(F.interpolate(small, size=(rows, columns), **how)[0])
    return torch.stack(frames, 1)[None]


def reference_guided_step(
    unet: Any,
    x: Tensor,
    rate: float,
    t: int = T,
    source: Tensor = SOURCE,
    l2: bool = False,
    iterations: int = 10,
) -> Tensor:
    """Adam, written out."""
    wanted = forward(unet, source, t, SOURCE_TEXT)[1]
    x, m, v = x.clone(), torch.zeros_like(x), torch.zeros_like(x)
    for i in range(1, iterations + 1):
        leaf = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(
            reference_loss(forward(unet, leaf, t, TEXT)[1], wanted, l2=l2), leaf
        )
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        x = x - rate * (m / (1 - 0.9**i)) / ((v / (1 - 0.999**i)).sqrt() + 1e-8)
    return x


def reference_cfg_step(unet: Any, scheduler: Any, x: Tensor, t: int, to: int) -> Tensor:
    without, with_text = forward(unet, x, t, NEGATIVE)[0], forward(unet, x, t, TEXT)[0]
    eps = without + 10 * (with_text - without)
    (mu, sigma), (mu_to, sigma_to) = levels(scheduler, t), levels(scheduler, to)
    return mu_to * (x - sigma * eps) / mu + sigma_to * eps


def reference_inversion_step(
    unet: Any, scheduler: Any, x: Tensor, below: int, t: int, text: Tensor
) -> Tensor:
    eps = forward(unet, x, t, text)[0]
    (mu, sigma), (mu_t, sigma_t) = levels(scheduler, below), levels(scheduler, t)
    return mu_t * (x - sigma * eps) / mu + sigma_t * eps


def reference_start(
    scheduler: Any, clean: Tensor, noisiest: Tensor, last: int, first: int, fresh: Tensor
) -> Tensor:
    """The source's own low frequencies at the first timestep, and high ones of fresh noise."""
    (mu, sigma), (mu_first, sigma_first) = levels(scheduler, last), levels(scheduler, first)
    own = mu_first * clean + sigma_first * (noisiest - mu * clean) / sigma
    return shrink_and_enlarge(own) + fresh - shrink_and_enlarge(fresh)


def reference_pair(unet: Any, scheduler: Any, restart: bool, iterations: int) -> Tensor:
    """Ten steps of inversion and five of sampling, the two at t >= 600 guided."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        x, below, inverted = SOURCE, CLEAN, {}
        for t in range(1, 1000, 100):
            x = inverted[t] = reference_inversion_step(unet, scheduler, x, below, t, EMPTY)
            below = t
        fresh = torch.randn(X.shape[1:], generator=generator)[None]
        x = reference_start(scheduler, SOURCE, inverted[901], 901, 801, fresh)
    rates = {801: 0.007, 601: 0.004}
    for t, to in ((801, 601), (601, 401), (401, 201), (201, 1), (1, CLEAN)):
        if t in rates:
            x = reference_guided_step(unet, x, rates[t], t, inverted[t], iterations=iterations)
        with torch.no_grad():
            x = reference_cfg_step(unet, scheduler, x, t, to)
            if restart and to != CLEAN:
                kept = levels(scheduler, t)[0] / levels(scheduler, to)[0]
                noise = torch.randn(X.shape[1:], generator=generator)[None]
                x = reference_cfg_step(
                    unet, scheduler, kept * x + (1 - kept**2) ** 0.5 * noise, t, to
                )
    return x


# Ours against it


@pytest.mark.parametrize("kind", ["smm-differences", "smm", "full"])
@pytest.mark.parametrize("distance", ["cosine", "l2"])
def test_the_loss_and_its_gradient(unet: Any, denoiser: Denoiser, kind: Any, distance: Any) -> None:
    ours, theirs = X.clone().requires_grad_(), X.clone().requires_grad_()
    with torch.no_grad():
        wanted = denoiser.features(SOURCE, T, SOURCE_TEXT, LAYERS)
    loss = smm_loss(denoiser.features(ours, T, TEXT, LAYERS), wanted, kind, distance)
    reference = reference_loss(
        forward(unet, theirs, T, TEXT)[1],
        forward(unet, SOURCE, T, SOURCE_TEXT)[1],
        kind,
        distance == "l2",
    )
    same(loss.detach()[0], reference.detach())
    same(torch.autograd.grad(loss.sum(), ours)[0], torch.autograd.grad(reference, theirs)[0])


def test_zero_differences() -> None:
    """i = j, and frames that are equal: cosines of vectors of length zero, and no slope of them."""
    a, b = draw(1, 3, 6, 2, 2, seed=1).requires_grad_(), draw(1, 3, 6, 2, 2, seed=2)
    p, q = a[0].mean((2, 3)), b[0].mean((2, 3))
    cosines = [
        F.cosine_similarity(p[i] - p[j], q[i] - q[j], dim=0)
        for i in range(3)
        for j in range(3)
        if i != j
    ]
    without = 1 / 3 + (1 - torch.stack(cosines)).sum() / 9  # i = j: 1 each, whatever the features
    ours = smm_loss({"layer": a}, {"layer": b})
    same(ours[0].detach(), without.detach())
    same(torch.autograd.grad(ours.sum(), a)[0], torch.autograd.grad(without, a)[0])

    still = smm_loss({"layer": a}, {"layer": b[:, :1].expand_as(b)})
    assert still.item() == 1
    assert not torch.autograd.grad(still.sum(), a)[0].any()


@pytest.mark.parametrize("distance", ["cosine", pytest.param("l2", marks=pytest.mark.slow)])
def test_ten_iterations_at_the_papers_rate(unet: Any, denoiser: Denoiser, distance: Any) -> None:
    parameters = Parameters(dtype="float32", distance=distance)
    ours = guide(denoiser, X, SOURCE, T, TEXT, SOURCE_TEXT, RATE, parameters)
    theirs = reference_guided_step(unet, X, RATE, l2=distance == "l2")
    same(ours - X, theirs - X)  # stricter than of the latents, which moved by hundredths


def test_an_iteration_at_the_papers_rate(unet: Any, denoiser: Denoiser) -> None:
    once = Parameters(dtype="float32", iterations=1)
    ours = guide(denoiser, X, SOURCE, T, TEXT, SOURCE_TEXT, RATE, once)
    wanted = forward(unet, SOURCE, T, SOURCE_TEXT)[1]
    leaf = X.clone().requires_grad_()
    loss = reference_loss(forward(unet, leaf, T, TEXT)[1], wanted)
    (slope,) = torch.autograd.grad(loss, leaf)
    same(ours - X, -RATE * slope / (slope.abs() + 1e-8))  # Adam's first iteration


def test_a_step_with_classifier_free_guidance(
    unet: Any, scheduler: Any, denoiser: Denoiser
) -> None:
    prediction = denoiser.guided(X, T, TEXT, NEGATIVE, 10.0)
    with torch.no_grad():
        theirs = reference_cfg_step(unet, scheduler, X, T, T - 20)
    same(denoiser.schedule.at(T - 20, prediction), theirs)


def test_a_step_of_inversion(unet: Any, scheduler: Any, denoiser: Denoiser) -> None:
    schedule = denoiser.schedule
    for below, t in ((CLEAN, 1), (300, 301), (721, 741)):
        with torch.no_grad():
            output = denoiser.output(SOURCE, t, SOURCE_TEXT)
            ours = schedule.inversion_step(output, SOURCE, below, t)
            theirs = reference_inversion_step(unet, scheduler, SOURCE, below, t, SOURCE_TEXT)
        same(ours, theirs)


def test_the_low_frequency_start(scheduler: Any, denoiser: Denoiser) -> None:
    clean, noisiest = draw(1, 4, 3, 16, 24, seed=6), draw(1, 4, 3, 16, 24, seed=7)
    ours = start_latent(denoiser.schedule, {CLEAN: clean, 999: noisiest}, generators([5]), PAPER)
    fresh = draw(4, 3, 16, 24, seed=5)[None]
    same(ours, reference_start(scheduler, clean, noisiest, 999, 981, fresh))


def test_a_restart_is_the_single_steps_in_law(scheduler: Any, denoiser: Denoiser) -> None:
    """The same factor of the latent, and the same variance, as twenty steps of the noising."""
    x, noise = X, draw(*X.shape, seed=8)
    kept, variance = 1.0, 0.0
    for t in range(722, 742):
        beta = float(scheduler.betas[t])
        kept, variance = kept * (1 - beta) ** 0.5, (1 - beta) * variance + beta
    same(denoiser.schedule.renoise(x, 721, 741, noise), kept * x + variance**0.5 * noise)


def test_a_restart_is_near_the_published_one_which_takes_betas_one_timestep_lower(
    denoiser: Denoiser, scheduler: Any
) -> None:
    """The published code adds noise by the betas of t_next .. t - 1; ours are t_next + 1 .. t."""
    timesteps = denoiser.schedule.timesteps(50)
    factors, relative, variances = [], [], []
    for t, below in pairwise(timesteps):
        published = float((1 - scheduler.betas[below:t].double()).prod())
        kept, fresh = denoiser.schedule.fresh_share(below, t)
        factors.append(abs(kept - published**0.5))
        relative.append(factors[-1] / kept)
        variances.append(abs(fresh**2 / (1 - published) - 1))
    assert 1.5e-4 < max(factors) < 1.6e-4
    assert 1.7e-4 < max(relative) < 1.8e-4
    assert 5e-3 < max(variances) < 5.4e-3


def test_the_rates_of_the_guided_steps(denoiser: Denoiser) -> None:
    rates = guidance_rates(denoiser.schedule, PAPER)
    assert list(rates) == [981 - 20 * i for i in range(len(rates))]
    assert min(rates) >= 600
    assert len(rates) == 20
    expected = torch.tensor([0.007 - 0.003 * i / 19 for i in range(20)])
    same(torch.tensor(list(rates.values())), expected)


@pytest.mark.parametrize(
    ("restart", "iterations"),
    [
        (True, 2),
        pytest.param(True, 10, marks=pytest.mark.slow),
        pytest.param(False, 10, marks=pytest.mark.slow),
    ],
)
def test_a_whole_pair(
    unet: Any, scheduler: Any, denoiser: Denoiser, restart: bool, iterations: int
) -> None:
    """Invert, start, and sample: guide, step, noise forward, step again.

    Restarted steps are not guided anew, the last step is not restarted, and one generator draws
    first the start's noise, then that of each restart.
    """
    parameters = Parameters(dtype="float32", steps=5, restart=restart, iterations=iterations)
    sampling = denoiser.schedule.timesteps(parameters.steps)
    inverted = invert(
        denoiser, SOURCE, EMPTY, inversion_timesteps(denoiser.schedule, 10, sampling), sampling
    )
    draws = generators([5])
    ours = sample_with_guidance(
        denoiser,
        lambda x, t: denoiser.guided(x, t, TEXT, NEGATIVE, 10.0),
        start_latent(denoiser.schedule, inverted, draws, parameters),
        inverted,
        TEXT,
        SOURCE_TEXT,
        draws,
        parameters,
    )
    same(ours, reference_pair(unet, scheduler, restart, iterations))
