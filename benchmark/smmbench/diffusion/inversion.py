"""Inversion: from a clip's latent to the noise that it would be sampled from.

DDIM inversion (Song et al., ICLR 2021) on the one kind of schedule, Euler steps backwards on the
other: the same walk up the sampling's own levels.
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

    Those of a sampling of `steps` steps, and the `sampling` timesteps themselves, since the latents
    kept there are what a method compares with.
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
    """Walk a clean latent up to noise, deterministically.

    Args:
        denoiser: Network and schedule.
        clean: The encoded clips.
        text: What they show.
        timesteps: Where to stop on the way, cleanest first.
        keep: Timesteps whose latents are wanted.
        refinements: How often to ask the network again at the latent that a step led to, and to
            take the step once more with this answer: a fixed point undoes the sampling step
            exactly. Each costs a forward pass a step (as Pan et al., ICCV 2023, invert).
        solver: `first-order`: a DDIM or Euler step. `rf-solver`: the second-order step of Wang et
            al. (RF-Solver, 2024) for flows, two passes a step; it has no refinements.

    Returns:
        Latents by timestep: those of `keep`, the noisiest, and `clean` itself under `CLEAN`.

    Raises:
        FloatingPointError: The latent is no longer finite.
        ValueError: The solver is for flows, and the model is none; or it is to be refined.
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

    The velocity is expanded to first order over the step, its slope taken from half a step (eq. 9
    of Wang et al., arXiv 2411.04746); that is the midpoint rule.
    """
    schedule = denoiser.schedule
    length = schedule.sigma(end) - schedule.sigma(start)
    begin = max(start, 0.0)  # CLEAN is the timestep 0 of a flow
    middle = x + length / 2 * denoiser.output(x, begin, text)
    return x + length * denoiser.output(middle, (begin + max(end, 0.0)) / 2, text)


def check_solver(schedule: NoiseSchedule, solver: Solver, refinements: int = 0) -> None:
    """Refuse a solver on a schedule that it is not for.

    Raises:
        ValueError: It is not for it.
    """
    if solver == "rf-solver" and not isinstance(schedule, FlowSchedule):
        raise ValueError(
            "solver=rf-solver is for flow-matching models (Wan); this one is sampled by "
            f"{schedule.ladder}: take solver=first-order."
        )
    if solver == "rf-solver" and refinements:
        raise ValueError("solver=rf-solver has no refinements; set inversion_refinements=0.")
