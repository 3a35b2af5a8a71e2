"""Deterministic sampling from noise to a clip, with DDIM or Euler steps as the schedule says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Prediction, Timestep
from smmbench.progress import step

Denoise = Callable[[Latent, Timestep], Prediction]
"""A function of a latent and its timestep that returns a clean latent and noise, with guidance."""

Guide = Callable[[Latent, Timestep], Latent]
"""What to do with a latent at a timestep before its step; returns the latent itself for nothing."""


def steps(timesteps: Sequence[Timestep]) -> Iterator[tuple[Timestep, Timestep]]:
    """Pairs (from, to) of a sampling run; the last one leads to `CLEAN`."""
    return pairwise([*timesteps, CLEAN])


@torch.no_grad()
def sampling_step(
    schedule: NoiseSchedule, denoise: Denoise, x: Latent, t: Timestep, to: Timestep
) -> Latent:
    """One deterministic step from timestep t to the cleaner `to`.

    Raises:
        FloatingPointError: The result is not finite.
    """
    x = schedule.at(to, denoise(x, t))
    check_finite(x, f"sampling at timestep {t}")
    return x


def reusing(
    denoiser: Denoiser, text: Text, negative: Text, scale: float, rescale: float, every: int
) -> Denoise:
    """Classifier-free guidance that reuses the difference between the prompts for several calls.

    The difference changes slowly during sampling. Reusing it for two calls saves half of the passes
    with the negative prompt, but changes the result.

    Args:
        denoiser: The network.
        text: Text states of what the result should show.
        negative: Text states of what it should not show.
        scale: See `Denoiser.guided`.
        rescale: See `Denoiser.guided`.
        every: Number of calls that share a difference.
    """
    calls, kept = 0, None

    def denoise(x: Latent, t: Timestep) -> Prediction:
        nonlocal calls, kept
        with_text = denoiser.output(x, t, text)
        if kept is None or calls % every == 0:
            kept = with_text - denoiser.output(x, t, negative.expand_as(text))
        calls += 1
        return denoiser.towards(with_text, with_text - kept, x, t, scale, rescale)

    return denoise


def sample(
    schedule: NoiseSchedule, denoise: Denoise, x: Latent, timesteps: Sequence[Timestep]
) -> Latent:
    """Denoise a latent from the first timestep to the end; without timesteps it is unchanged."""
    for number, (t, to) in enumerate(steps(timesteps), 1):
        step("sampling", number, len(timesteps))
        x = sampling_step(schedule, denoise, x, t, to)
    return x


def sample_guided(
    schedule: NoiseSchedule,
    denoise: Denoise,
    x: Latent,
    timesteps: Sequence[Timestep],
    guide: Guide,
    renoise: Callable[[Latent], Latent] | None = None,
) -> Latent:
    """The sampling loop of guided methods: guide the latent, step it, and optionally restart.

    Args:
        schedule: Noise levels.
        denoise: The network, for the steps.
        x: Latents at the first timestep.
        timesteps: Of the sampling, noisiest first.
        guide: Moves the latent before each step.
        renoise: Draws noise like a latent: after each step but the last, the latent is noised
            forward again and the step is repeated. None for no restart.
    """
    for number, (t, to) in enumerate(steps(timesteps), 1):
        step("sampling", number, len(timesteps))
        x = sampling_step(schedule, denoise, guide(x, t), t, to)
        # At a t with no signal at all, a restart would erase the result of the step.
        if renoise and to != CLEAN and schedule.mu(t) > 0:
            x = sampling_step(schedule, denoise, schedule.renoise(x, to, t, renoise(x)), t, to)
    return x
