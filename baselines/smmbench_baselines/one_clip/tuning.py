"""The loop of one-clip tuning: draw a timestep and noise, compute the losses, step AdamW."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from smmbench.diffusion.denoiser import Latent
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.noise import noise
from smmbench.diffusion.schedule import NoiseSchedule, Timestep
from smmbench.progress import step

Objective = Callable[[Timestep, Latent, Generator], Iterator[Float[Tensor, " clip"]]]
"""A function of a timestep, noise and a generator that yields losses, one value per clip.

The gradient of each loss is computed before the next loss is requested.
"""
LOOKS = 50
"""Steps between checks of the losses, since each check waits for the GPU."""


@dataclass(frozen=True)
class Plan:
    """The settings of tuning.

    Attributes:
        steps: Number of AdamW steps.
        rate: Constant learning rate.
        seed: Seed of timesteps, noise and all other draws, the same for every clip.
        decay: AdamW's weight decay.
        longest: Maximum length of a clip's gradient; longer ones are shortened. Infinity: none is.
        half: Whether the network computes in float16, which needs a scaled loss.
    """

    steps: int
    rate: float
    seed: int
    decay: float = 0.0
    longest: float = float("inf")
    half: bool = False


@torch.enable_grad()
def tune(
    tensors: Sequence[Tensor],
    objective: Objective,
    x: Latent,
    schedule: NoiseSchedule,
    plan: Plan,
) -> Float[Tensor, "step clip"]:
    """Tune tensors in place; they are float32 and hold each clip's part separately.

    Clips are independent: the loss is summed over them, and AdamW treats each number
    separately. They share all draws, so that a clip is tuned alone as in a batch.

    Args:
        tensors: Tensors to tune; the first axis is the clip if `plan.longest` is finite.
        objective: The losses.
        x: Latents of the clips.
        schedule: Schedule from which a timestep is drawn for each step.
        plan: The settings.

    Returns:
        The losses, summed within each step.

    Raises:
        FloatingPointError: A loss or a gradient is not finite.
    """
    generator = Generator("cpu").manual_seed(plan.seed)
    adam = torch.optim.AdamW(tensors, lr=plan.rate, weight_decay=plan.decay)
    scaler = torch.amp.GradScaler(x.device.type, enabled=plan.half)
    losses: list[Tensor] = []
    for number in range(1, plan.steps + 1):
        step("training", number, plan.steps)
        t = schedule.draw(generator)
        eps = noise(x[:1], generator).expand_as(x)
        drawn, stepped = generator.get_state(), False
        while not stepped:
            generator.set_state(drawn)  # a repeated pass draws the same numbers
            adam.zero_grad()
            total = torch.zeros(len(x), device=x.device)
            for loss in objective(t, eps, generator):
                scaler.scale(loss.sum()).backward()
                total += loss.detach()
            scaler.unscale_(adam)
            if plan.longest < float("inf"):
                shorten(tensors, plan.longest)
            stepped = _step(scaler, adam, number)
        losses.append(total)
        if number % LOOKS == 0 or number == plan.steps:
            _check(losses[-LOOKS:], tensors, number)
    return torch.stack(losses) if losses else x.new_zeros((0, len(x)))


def shorten(tensors: Sequence[Tensor], longest: float) -> None:
    """Shorten the gradient of each clip to at most this length, over all tensors together.

    The first axis of each tensor is the clip.
    """
    gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
    if not gradients:
        return
    squares = [gradient.reshape(len(gradient), -1).square().sum(dim=1) for gradient in gradients]
    length = torch.stack(squares).sum(dim=0).sqrt()
    factor = (longest / (length + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *(1 for _ in gradient.shape[1:])))


def _step(scaler: torch.amp.GradScaler, adam: torch.optim.Optimizer, number: int) -> bool:
    """Step, unless a gradient overflowed: then the scale is lowered and the pass is repeated.

    Skipping the step would lose it for one clip, and for all others of the batch.
    """
    if not scaler.is_enabled():
        adam.step()
        return True
    before = scaler.get_scale()
    scaler.step(adam)
    scaler.update()
    if scaler.get_scale() < 1:
        raise FloatingPointError(
            f"The gradient is infinite in tuning, step {number}; try dtype=bfloat16."
        )
    return scaler.get_scale() >= before


def _check(losses: Sequence[Tensor], tensors: Sequence[Tensor], step: int) -> None:
    stage = f"tuning up to step {step}"
    check_finite(torch.stack(list(losses)), f"the loss of {stage}")
    for tensor in tensors:
        check_finite(tensor.detach(), stage)
