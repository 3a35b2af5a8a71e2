"""Step a latent down a comparison."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from smmbench.diffusion.denoiser import Latent

Comparison = Callable[[Latent], Float[Tensor, " batch"]]
"""From latents to one loss a sample."""


def descend(
    x: Latent,
    comparison: Comparison,
    iterations: int,
    rate: float,
    stage: str,
    loss_scale: float = 1.0,
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

    Raises:
        FloatingPointError: Loss or gradient is not finite, at whatever scale.
    """
    x = x.detach().clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=rate)
    for iteration in range(iterations):
        with torch.enable_grad():
            x.grad, loss_scale = _gradient(
                x, comparison, loss_scale, f"{stage}, iteration {iteration + 1}"
            )
        adam.step()
    return x.detach()


def _gradient(
    x: Latent, comparison: Comparison, loss_scale: float, stage: str
) -> tuple[Latent, float]:
    """Gradient of the summed loss, and the loss scale that it took."""
    while True:
        loss = comparison(x).sum()
        (gradient,) = torch.autograd.grad(loss * loss_scale, x)
        if loss.isfinite() and gradient.isfinite().all():
            return gradient / loss_scale, loss_scale
        if not loss.isfinite() or loss_scale <= 1:
            what = "gradient" if loss.isfinite() else "loss"
            raise FloatingPointError(
                f"The {what} is NaN or infinite in {stage}; try a wider type (dtype=float32 or "
                "bfloat16) or a smaller rate."
            )
        loss_scale /= 2
