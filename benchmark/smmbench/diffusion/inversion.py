"""DDIM inversion: from a clip's latent to the noise that it would be sampled from."""

from __future__ import annotations

from collections.abc import Collection

import torch

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule


def inversion_timesteps(
    schedule: NoiseSchedule, steps: int, sampling: Collection[int]
) -> tuple[int, ...]:
    """The timesteps of an inversion, cleanest first.

    Those of a sampling of `steps` steps, and the `sampling` timesteps themselves, since the latents
    kept there are what a method compares with.
    """
    return tuple(sorted({*schedule.timesteps(steps), *sampling}))


@torch.no_grad()
def invert(
    denoiser: Denoiser,
    clean: Latent,
    text: Text,
    timesteps: Collection[int],
    keep: Collection[int],
    refinements: int = 0,
) -> dict[int, Latent]:
    """Walk a clean latent up to noise, deterministically (Song et al., ICLR 2021).

    Args:
        denoiser: Network and schedule.
        clean: The encoded clips.
        text: What they show.
        timesteps: Where to stop on the way, cleanest first.
        keep: Timesteps whose latents are wanted.
        refinements: How often to ask the network again at the latent that a step led to, and to
            take the step anew with this answer: a fixed point undoes the sampling step exactly.
            Each costs a forward pass a step (as Pan et al., ICCV 2023, invert).

    Returns:
        Latents by timestep: those of `keep`, the noisiest, and `clean` itself under `CLEAN`.

    Raises:
        FloatingPointError: The latent is no longer finite.
    """
    x, below = clean, CLEAN
    kept = {CLEAN: clean}
    for t in timesteps:
        lower = x
        for _ in range(1 + refinements):
            x = denoiser.schedule.undo_step(denoiser.output(x, t, text), lower, below, t)
        check_finite(x, f"inversion at timestep {t}")
        below = t
        if t in keep:
            kept[t] = x
    kept[below] = x
    return kept
