"""Gradient guidance: move a latent so that a loss decreases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.acceleration.memory import Economy, sparingly
from smmbench.diffusion.denoiser import Latent
from smmbench.method.reporting import report

FIRST_LOSS, LAST_LOSS = "guidance_loss_first", "guidance_loss_last"
"""Series of a run: the loss at the first and the last gradient of each guided timestep."""

Comparison = Callable[[Latent], Float[Tensor, " batch"]]
"""A function of latents that returns one loss per sample."""


def loss_scale(dtype: str) -> float:
    """The factor of losses in the backward pass through a network of this type."""
    return 2.0**16 if dtype == "float16" else 1.0


def descend(
    x: Latent,
    comparison: Comparison,
    iterations: int,
    rate: float,
    stage: str,
    loss_scale: float = 1.0,
    spare: Economy | None = None,
    every: int = 1,
    optimiser: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
) -> Latent:
    """Lower the loss of each sample with a new Adam optimiser on its latent.

    Samples are independent: Adam treats each number separately, and the loss is the sum over
    samples.

    Args:
        x: The initial latents; they are not changed.
        comparison: The loss.
        iterations: Number of Adam steps; with 0, x is returned.
        rate: Learning rate of Adam.
        stage: Name of this stage in an error.
        loss_scale: Factor of the loss in the backward pass through a float16 network, so
            that small gradients do not vanish; halved whenever they overflow instead.
        spare: The denoiser's `spare`, for when memory runs out.
        every: Number of iterations per gradient, as in FastVMT; 1 computes one for each iteration.
        optimiser: Adam, or AdamW with PyTorch's weight decay.

    Raises:
        FloatingPointError: The loss or the gradient is not finite at any loss scale.
    """
    x = x.detach().clone().requires_grad_()
    adam = optimiser([x], lr=rate)
    losses: list[Tensor] = []
    for iteration in range(iterations):
        if iteration % every == 0:
            where = f"{stage}, iteration {iteration + 1}"
            loss, x.grad, loss_scale = _slope(x, comparison, where, loss_scale, spare)
            losses.append(loss)
        adam.step()
    if losses:
        report(FIRST_LOSS, losses[0])
        report(LAST_LOSS, losses[-1])
    return x.detach()


def gradient(
    x: Latent,
    comparison: Comparison,
    stage: str,
    loss_scale: float = 1.0,
    spare: Economy | None = None,
    first: bool = True,
    last: bool = True,
) -> tuple[Latent, float]:
    """Gradient of the summed loss at x, and the loss scale that was used; the loss is reported.

    Args:
        x: The latents; they are not changed.
        comparison: The loss.
        stage: Name of this stage in an error.
        loss_scale: See `descend`; halved whenever gradients overflow.
        spare: See `descend`.
        first: Whether this is the first gradient of its timestep.
        last: Whether it is the last one; a single gradient is both, and both losses are equal.

    Raises:
        FloatingPointError: The loss or the gradient is not finite at any loss scale.
    """
    loss, slope, loss_scale = _slope(x, comparison, stage, loss_scale, spare)
    if first:
        report(FIRST_LOSS, loss)
    if last:
        report(LAST_LOSS, loss)
    return slope, loss_scale


@torch.enable_grad()
def _slope(
    x: Latent, comparison: Comparison, stage: str, loss_scale: float, spare: Economy | None
) -> tuple[Float[Tensor, " batch"], Latent, float]:
    """Losses of the samples, the gradient of their sum at x, and the loss scale that was used."""
    x = x.detach().requires_grad_()

    def slope_at(scale: float) -> tuple[Tensor, Latent]:
        losses = comparison(x)
        return losses.detach(), torch.autograd.grad(losses.sum() * scale, x)[0]

    while True:
        loss, slope = sparingly(partial(slope_at, loss_scale), spare or Economy())
        finite = bool(loss.isfinite().all())
        if finite and slope.isfinite().all():
            return loss, slope / loss_scale, loss_scale
        if not finite or loss_scale <= 1:
            what = "gradient" if finite else "loss"
            raise FloatingPointError(
                f"The {what} is NaN or infinite in {stage}; try a wider type (dtype=float32 or "
                "bfloat16) or a smaller rate."
            )
        loss_scale /= 2
