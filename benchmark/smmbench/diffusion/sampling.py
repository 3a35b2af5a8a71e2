"""Deterministic sampling, by DDIM or Euler steps as the schedule has them: from noise to a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Prediction, Timestep
from smmbench.progress import step

Denoise = Callable[[Latent, Timestep], Prediction]
"""From a latent and its timestep to clean latent and noise; guidance is inside."""

Guide = Callable[[Latent, Timestep], Latent]
"""What is done to a latent at a timestep before it is stepped; the latent itself for nothing."""


def steps(timesteps: Sequence[Timestep]) -> Iterator[tuple[Timestep, Timestep]]:
    """Pairs (from, to) of a sampling; the last goes to `CLEAN`."""
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
    """Classifier-free guidance whose difference between the prompts serves several calls.

    It changes slowly along a sampling. Half of the passes with the negative prompt are saved for
    two calls, and the result is another one.

    Args:
        denoiser: The network.
        text: What the result should show.
        negative: What it should not.
        scale: See `Denoiser.guided`.
        rescale: See `Denoiser.guided`.
        every: Calls that a difference serves.
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
    """Denoise a latent from the first timestep to the end; with no timesteps it stays as it is."""
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
    """The one loop of guided methods: guide the latent, step it, and perhaps restart.

    Args:
        schedule: Noise levels.
        denoise: The network, to step.
        x: Latents at the first timestep.
        timesteps: Of the sampling, noisiest first.
        guide: Moves the latent before each step.
        renoise: Draws noise like a latent: after each step but the last, the latent is noised
            forward again and stepped anew. None: no restart.
    """
    for number, (t, to) in enumerate(steps(timesteps), 1):
        step("sampling", number, len(timesteps))
        x = sampling_step(schedule, denoise, guide(x, t), t, to)
        # Where t holds no signal at all, a restart would erase what was just made.
        if renoise and to != CLEAN and schedule.mu(t) > 0:
            x = sampling_step(schedule, denoise, schedule.renoise(x, to, t, renoise(x)), t, to)
    return x
