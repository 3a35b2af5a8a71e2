"""Initial noise that keeps the coarse layout of a clip and nothing finer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.schedule import NoiseSchedule, Prediction, Timestep


def implied_noise(schedule: NoiseSchedule, clean: Latent, noisy: Latent, t: Timestep) -> Latent:
    """The noise in a latent at timestep t, given its clean latent."""
    return (noisy - schedule.mu(t) * clean) / schedule.sigma(t)


def low_pass(x: Latent, factor: int) -> Latent:
    """Keep what survives shrinking each frame by `factor` and enlarging it again.

    Both resizings are bilinear, antialiased and with corners aligned.

    Raises:
        ValueError: The factor is below 1 or larger than a frame.
    """
    height, width = x.shape[-2:]
    if not 1 <= factor <= min(height, width):
        raise ValueError(
            f"The factor must be from 1 to {min(height, width)} for latents of {height}x{width}, "
            f"got {factor}."
        )

    def resize(
        frames: Float[Tensor, "frame channel rows columns"], size: tuple[int, int]
    ) -> Float[Tensor, "frame channel new_rows new_columns"]:
        return F.interpolate(frames, size=size, mode="bilinear", align_corners=True, antialias=True)

    frames = x.movedim(1, 2).flatten(0, 1)
    small = resize(frames, (height // factor, width // factor))
    return torch.unflatten(resize(small, (height, width)), 0, (len(x), -1)).movedim(2, 1)


def low_frequency_start(
    schedule: NoiseSchedule,
    clean: Latent,
    noisiest: Latent,
    t_noisiest: Timestep,
    t_start: Timestep,
    fresh: Latent,
    factor: int,
) -> Latent:
    """Combine the clip's own noise in low spatial frequencies with fresh noise in high ones.

    This is the initial noise of Yatim et al. (CVPR 2024): the inverted noise carries the layout in
    its low frequencies, and in the high ones the appearance, which the prompt should change.

    Args:
        schedule: Noise levels.
        clean: The encoded clips.
        noisiest: The last latents of the clips' inversion, at `t_noisiest`.
        t_noisiest: Timestep of `noisiest`.
        t_start: The timestep from which sampling starts.
        fresh: Gaussian noise.
        factor: What shrinking a frame this many times loses is replaced; 1 replaces nothing.
    """
    own = implied_noise(schedule, clean, noisiest, t_noisiest)
    start = schedule.at(t_start, Prediction(x0=clean, noise=own))
    if factor == 1:
        return start
    return low_pass(start, factor) + fresh - low_pass(fresh, factor)
