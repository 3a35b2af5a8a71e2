"""Step a latent down a comparison."""

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
"""Series of a run: the loss at the first and at the last gradient of each guided timestep."""

Comparison = Callable[[Latent], Float[Tensor, " batch"]]
"""From latents to one loss a sample."""


def loss_scale(dtype: str) -> float:
    """What losses are multiplied with on their way back through a network of this type."""
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
    """Lower the loss of each sample with a fresh Adam on its latent.

    Samples do not touch each other: Adam works on each number alone, and the loss is the sum over
    samples.

    Args:
        x: Where to start; it is not changed.
        comparison: The loss.
        iterations: Steps of Adam; 0 gives x back.
        rate: Learning rate of Adam.
        stage: What to call this in an error.
        loss_scale: What the loss is multiplied with on its way back through a float16 network, so
            that small gradients do not vanish; halved whenever they overflow instead.
        spare: The denoiser's, for where memory runs out.
        every: Iterations that one gradient serves, as FastVMT saves them; 1: each has its own.
        optimiser: Adam, or AdamW with PyTorch's weight decay.

    Raises:
        FloatingPointError: Loss or gradient is not finite, at whatever scale.
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
    """Gradient of the summed loss at x, and the loss scale that it took; the loss is reported.

    Args:
        x: Where; it is not changed.
        comparison: The loss.
        stage: What to call this in an error.
        loss_scale: See `descend`; halved whenever gradients overflow.
        spare: See `descend`.
        first: Whether no gradient of this timestep came before.
        last: Whether none comes after; with one gradient a timestep both losses are one.

    Raises:
        FloatingPointError: Loss or gradient is not finite, at whatever scale.
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
    """Losses of the samples, the gradient of their sum at x, and the loss scale that it took."""
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
