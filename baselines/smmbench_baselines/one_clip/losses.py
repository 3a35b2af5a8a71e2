"""Losses of tuning on one clip: functions of predicted and true noise, one value per clip."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.denoiser import Latent


def squared_error(output: Latent, wanted: Latent) -> Float[Tensor, " clip"]:
    """Mean squared difference of each clip."""
    return (output - wanted).square().mean(dim=(1, 2, 3, 4))


def residual_direction(predicted: Latent, true: Latent) -> Float[Tensor, " clip"]:
    """One minus the cosine between the steps from frame to frame, averaged over the steps.

    A step is the difference between a frame and the previous one, over all channels and positions.
    What is equal in every frame does not contribute. From 0 (same directions) to 2 (opposite); a
    step of length zero counts as 1. Section 4 of Jeong et al. (VMC, CVPR 2024).

    Raises:
        ValueError: A clip has only one frame, so there is no step.
    """
    steps, wanted = frame_steps(predicted), frame_steps(true)
    cosine = F.cosine_similarity(
        steps.movedim(1, 2).flatten(2), wanted.movedim(1, 2).flatten(2), dim=-1
    )
    return (1 - cosine).mean(dim=1)


def residual_sizes(predicted: Latent, true: Latent) -> Float[Tensor, " clip"]:
    """The same quantity as in VMC's published code, which is not the formula of the paper.

    For each number of a frame: one minus the cosine over time between the absolute sizes of the
    steps.
    """
    cosine = F.cosine_similarity(frame_steps(predicted).abs(), frame_steps(true).abs(), dim=2)
    return (1 - cosine).mean(dim=(1, 2, 3))


def frame_steps(x: Latent) -> Float[Tensor, "batch channel step rows columns"]:
    """Each frame minus the previous one.

    Raises:
        ValueError: There is only one frame.
    """
    if x.shape[2] < 2:
        raise ValueError("A clip of one frame has no motion to tune on; at least two are needed.")
    return x[:, :, 1:] - x[:, :, :-1]


def debiased(eps: Latent, anchor: int, beta: float) -> Latent:
    """Every frame's noise minus its similarity to one anchor frame.

    sqrt(beta^2 + 1) eps_i - beta eps_anchor: noise that is independent in each frame keeps its
    variance (except in the anchor frame), and what all frames share shrinks by sqrt(beta^2 + 1) -
    beta: to .41 of itself for beta = 1, to nothing for a large beta. The appearance-debiased
    temporal loss of Zhao et al. (MotionDirector, ECCV 2024) compares noise changed in this way.
    """
    return (beta**2 + 1) ** 0.5 * eps - beta * eps[:, :, [anchor]]
