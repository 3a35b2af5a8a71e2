"""Inversion: from a clip's latent to the noise from which sampling would return it.

This is DDIM inversion (Song et al., ICLR 2021) for variance-preserving schedules and reversed Euler
steps for flows; both go through the noise levels of sampling in reverse.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.flow import FlowSchedule
from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Timestep
from smmbench.progress import step

Solver = Literal["first-order", "rf-solver"]


def inversion_timesteps(
    schedule: NoiseSchedule, steps: int, sampling: Collection[Timestep]
) -> tuple[Timestep, ...]:
    """The timesteps of an inversion, cleanest first.

    They are those of a sampling run of `steps` steps and the `sampling` timesteps themselves, since
    methods compare with the latents kept there.
    """
    return tuple(sorted({*schedule.timesteps(steps), *sampling}))


@torch.no_grad()
def invert(
    denoiser: Denoiser,
    clean: Latent,
    text: Text,
    timesteps: Collection[Timestep],
    keep: Collection[Timestep],
    refinements: int = 0,
    solver: Solver = "first-order",
) -> dict[Timestep, Latent]:
    """Invert a clean latent to noise, deterministically.

    Args:
        denoiser: Network and schedule.
        clean: The encoded clips.
        text: Text states that describe them.
        timesteps: Timesteps of the inversion, cleanest first.
        keep: Timesteps whose latents are returned.
        refinements: How often to evaluate the network again at the latent that a step led to, and
            to repeat the step with the new output: at a fixed point the sampling step is undone
            exactly. Each costs one more forward pass per step (as in Pan et al., ICCV 2023).
        solver: `first-order` for a DDIM or Euler step; `rf-solver` for the second-order step of
            Wang et al. (RF-Solver, 2024) for flows: two passes per step, and no refinements.

    Returns:
        Latents by timestep: those of `keep`, the noisiest one, and `clean` itself under `CLEAN`.

    Raises:
        FloatingPointError: The latent is no longer finite.
        ValueError: `rf-solver` is used with a model that is not a flow, or with refinements.
    """
    check_solver(denoiser.schedule, solver, refinements)
    x = clean
    below: Timestep = CLEAN
    kept: dict[Timestep, Latent] = {CLEAN: clean}
    for number, t in enumerate(timesteps, 1):
        step("inversion", number, len(timesteps))
        lower = x
        if solver == "rf-solver":
            x = second_order_step(denoiser, lower, text, below, t)
        else:
            for _ in range(1 + refinements):
                x = denoiser.schedule.inversion_step(denoiser.output(x, t, text), lower, below, t)
        check_finite(x, f"inversion at timestep {t:g}")
        below = t
        if t in keep:
            kept[t] = x
    kept[below] = x
    return kept


def second_order_step(
    denoiser: Denoiser, x: Latent, text: Text, start: Timestep, end: Timestep
) -> Latent:
    """One step of RF-Solver along a flow, towards noise or away from it.

    The velocity is expanded to first order over the step, with its slope taken over half a step
    (eq. 9 of Wang et al., arXiv 2411.04746); this is the midpoint rule.
    """
    schedule = denoiser.schedule
    length = schedule.sigma(end) - schedule.sigma(start)
    begin = max(start, 0.0)  # CLEAN is timestep 0 of a flow
    middle = x + length / 2 * denoiser.output(x, begin, text)
    return x + length * denoiser.output(middle, (begin + max(end, 0.0)) / 2, text)


def check_solver(schedule: NoiseSchedule, solver: Solver, refinements: int = 0) -> None:
    """Refuse a solver on a schedule that it does not support.

    Raises:
        ValueError: The schedule is not supported.
    """
    if solver == "rf-solver" and not isinstance(schedule, FlowSchedule):
        raise ValueError(
            "solver=rf-solver needs a flow-matching model (Wan); this one is sampled by "
            f"{schedule.ladder}: set solver=first-order."
        )
    if solver == "rf-solver" and refinements:
        raise ValueError("solver=rf-solver has no refinements; set inversion_refinements=0.")
