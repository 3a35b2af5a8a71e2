"""The schedule of flow matching: x = (1 - sigma) x0 + sigma noise, a straight line to the noise.

Lipman et al., "Flow Matching for Generative Modeling" (ICLR 2023). Wan is of this kind. A timestep
is 1000 sigma, not rounded: 0 is the clean latent. The network returns the velocity noise - x0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Prediction, Timestep


@dataclass(frozen=True)
class FlowSchedule(NoiseSchedule):
    """Sigmas spread evenly and then shifted towards noise: s u / (1 + (s - 1) u).

    Attributes:
        shift: The s of the formula; 1 means no shift. Wan uses 3 at 480p and 5 at 720p.
        trained: The timestep of pure noise.
    """

    shift: float = 1.0
    trained: int = 1000

    def __post_init__(self) -> None:
        if self.shift <= 0:
            raise ValueError(f"The shift of a flow's schedule must be above 0, got {self.shift}.")

    @property
    def length(self) -> int:
        """T, the timestep of pure noise."""
        return self.trained

    @property
    def ladder(self) -> str:
        """How sampling steps through the noise levels."""
        return f"euler, shift {self.shift:g}"

    @property
    def predicts(self) -> str:
        """The velocity of a flow."""
        return "flow"

    def mu(self, t: Timestep) -> float:
        """Factor of the clean latent at timestep t."""
        return 1 - self.sigma(t)

    def sigma(self, t: Timestep) -> float:
        """Factor of the noise at timestep t."""
        if t == CLEAN:
            return 0.0
        if not 0 <= t <= self.length:
            raise ValueError(f"Timestep {t} is outside the schedule, 0 to {self.length}.")
        return t / self.length

    def timesteps(self, steps: int) -> tuple[float, ...]:
        """The timesteps of a sampling run, noisiest first, as in diffusers' Euler scheduler.

        The cleanest is the smallest timestep of the training, shifted once more; it is not 0.

        Raises:
            ValueError: The schedule has fewer timesteps.
        """
        if not 1 <= steps <= self.length:
            raise ValueError(f"Steps must be 1 to {self.length}, got {steps}.")
        smallest = float(np.float32(self._shifted(1 / self.length)))  # rounded as in diffusers
        u = np.linspace(1.0, smallest, steps)
        sigmas = self._shifted(u).astype(np.float32)
        return tuple(float(t) for t in sigmas * np.float32(self.length))

    def nearest(self, level: float) -> float:
        """The timestep of this noise level, which is sigma."""
        if not 0 <= level <= 1:
            raise ValueError(f"A noise level must be from 0 to 1, got {level:g}.")
        return level * self.length

    def draw(self, generator: Generator) -> float:
        """Draw u uniformly and shift it, as in the training of such models."""
        return float(self._shifted(torch.rand((), generator=generator).item())) * self.length

    def read(
        self, output: Float[Tensor, "*shape"], x: Float[Tensor, "*shape"], t: Timestep
    ) -> Prediction:
        """Convert the velocity at the latent x to a clean latent and noise."""
        sigma = self.sigma(t)
        return Prediction(x0=x - sigma * output, noise=x + (1 - sigma) * output)

    def output(self, true: Prediction, t: Timestep) -> Float[Tensor, "*shape"]:
        """The velocity noise - x0, which is the same at every t."""
        return true.noise - true.x0

    def inversion_step(
        self,
        output: Float[Tensor, "*shape"],
        x: Float[Tensor, "*shape"],
        below: Timestep,
        t: Timestep,
    ) -> Float[Tensor, "*shape"]:
        """One Euler step towards noise; see `NoiseSchedule.inversion_step`."""
        return x + (self.sigma(t) - self.sigma(below)) * output

    def _shifted(self, u: float | np.ndarray) -> np.ndarray:
        return np.asarray(self.shift * u / (1 + (self.shift - 1) * u))
