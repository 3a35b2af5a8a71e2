"""The schedule of variance-preserving diffusion: mu = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar).

ZeroScope, ModelScope and CogVideoX are of this kind. Timesteps are integers, 0 to T - 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from smmbench.diffusion.schedule import CLEAN, NoiseSchedule, Prediction, Timestep


@dataclass(frozen=True, eq=False)
class AlphaBarSchedule(NoiseSchedule):
    """The noise levels of a model with integer timesteps.

    Attributes:
        alpha_bar: Fraction of the signal's variance that is left at each timestep, decreasing.
        final_alpha_bar: The same at `CLEAN`; below 1 for models not trained on clean latents.
        prediction: What the network returns: `epsilon`, the noise, or `v_prediction`, which is
            mu noise - sigma x0.
        spacing: How sampling timesteps are spread: `leading`, `trailing`, `linspace`.
        steps_offset: Added to every timestep of the spacing `leading`.
    """

    alpha_bar: Float[np.ndarray, " T"]
    final_alpha_bar: float
    prediction: str
    spacing: str = "leading"
    steps_offset: int = 0

    def __post_init__(self) -> None:
        if self.prediction not in ("epsilon", "v_prediction"):
            raise ValueError(
                f"The scheduler's prediction_type is '{self.prediction}'; supported are "
                "epsilon and v_prediction."
            )
        if self.spacing not in ("leading", "trailing", "linspace"):
            raise ValueError(
                f"The scheduler's timestep_spacing is '{self.spacing}'; supported are leading, "
                "trailing and linspace."
            )
        if self.prediction == "epsilon" and self.alpha_bar.min() <= 0:
            raise ValueError(
                "The schedule ends in pure noise (alpha_bar = 0), where the noise says nothing of "
                "the clean latent: such a model must predict v (prediction_type v_prediction)."
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> AlphaBarSchedule:
        """Read a diffusers scheduler's configuration, whatever class it was written for."""
        import diffusers  # takes seconds: only where a model is loaded

        untyped: Any = diffusers.DDIMScheduler
        return cls.from_scheduler(untyped.from_config(dict(config)))

    @classmethod
    def from_scheduler(cls, scheduler: Any) -> AlphaBarSchedule:
        """Take the levels of a `DDIMScheduler`, so that both agree up to its own rounding."""
        config = scheduler.config
        return cls(
            alpha_bar=scheduler.alphas_cumprod.double().numpy(),
            final_alpha_bar=float(scheduler.final_alpha_cumprod),
            prediction=config["prediction_type"],
            spacing=config["timestep_spacing"],
            steps_offset=config["steps_offset"],
        )

    @property
    def length(self) -> int:
        """T, the number of timesteps that the model was trained on."""
        return len(self.alpha_bar)

    @property
    def ladder(self) -> str:
        """How sampling steps through the noise levels."""
        return f"ddim, {self.spacing}"

    @property
    def predicts(self) -> str:
        """The noise, or v."""
        return "v" if self.prediction == "v_prediction" else "epsilon"

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """The timesteps of a sampling run, noisiest first, by the scheduler's spacing.

        Raises:
            ValueError: The schedule has fewer timesteps.
        """
        last = self.length - 1
        if not 1 <= steps <= self.length:
            raise ValueError(f"Steps must be 1 to {self.length}, got {steps}.")
        chosen: np.ndarray
        match self.spacing:
            case "leading":
                chosen = np.arange(steps)[::-1] * (self.length // steps) + self.steps_offset
            case "trailing":
                chosen = np.round(self.length - np.arange(steps) * (self.length / steps)) - 1
            case _:  # linspace
                chosen = np.round(np.linspace(0, last, steps))[::-1]
        if chosen[0] > last:
            raise ValueError(
                f"{steps} steps with an offset of {self.steps_offset} exceed the schedule of "
                f"{self.length} timesteps; take fewer steps."
            )
        return tuple(int(t) for t in chosen)

    def mu(self, t: Timestep) -> float:
        """Factor of the clean latent at timestep t."""
        return float(np.sqrt(self._alpha_bar(t)))

    def sigma(self, t: Timestep) -> float:
        """Factor of the noise at timestep t."""
        return float(np.sqrt(1 - self._alpha_bar(t)))

    def nearest(self, level: float) -> int:
        """The timestep whose noise level is nearest to this one; the cleaner in a tie."""
        mu, sigma = np.sqrt(self.alpha_bar), np.sqrt(1 - self.alpha_bar)
        return int(np.abs(sigma / (mu + sigma) - level).argmin())

    def draw(self, generator: Generator) -> int:
        """Draw a timestep uniformly."""
        return int(torch.randint(self.length, (), generator=generator))

    def read(
        self, output: Float[Tensor, "*shape"], x: Float[Tensor, "*shape"], t: Timestep
    ) -> Prediction:
        """Convert the network's output for the latent x at t to a clean latent and noise.

        Where alpha_bar is 0 the latent is the noise, and v is minus the clean latent.
        """
        mu, sigma = self.mu(t), self.sigma(t)
        if self.prediction == "epsilon":
            return Prediction(x0=(x - sigma * output) / mu, noise=output)
        return Prediction(x0=mu * x - sigma * output, noise=sigma * x + mu * output)

    def output(self, true: Prediction, t: Timestep) -> Float[Tensor, "*shape"]:
        """What a perfect network would return: the noise, or v = mu noise - sigma x0."""
        if self.prediction == "epsilon":
            return true.noise
        return self.mu(t) * true.noise - self.sigma(t) * true.x0

    def inversion_step(
        self,
        output: Float[Tensor, "*shape"],
        x: Float[Tensor, "*shape"],
        below: Timestep,
        t: Timestep,
    ) -> Float[Tensor, "*shape"]:
        """One DDIM inversion step: the latent at t from which sampling would step to x.

        It is exact for the network's output at (x_t, t); inversion has only the one at (x, t).

        Args:
            output: What the network returned for x at the timestep t.
            x: The latent at the timestep `below`.
            below: The timestep of x.
            t: The noisier timestep to go to.

        Raises:
            ValueError: t is pure noise and x has none, so that they share nothing.
        """
        mu, sigma = self.mu(t), self.sigma(t)
        mu_below, sigma_below = self.mu(below), self.sigma(below)
        if mu * mu_below + sigma * sigma_below == 0:
            raise ValueError(
                f"Inversion cannot go from the clean latent to timestep {t} at once, which is pure "
                "noise in this model: take more inversion steps."
            )
        if self.prediction == "epsilon":
            x0 = (x - sigma_below * output) / mu_below
            return mu * x0 + sigma * output
        # A sampling step turns (x, v) by the angle between the levels: x = cos x_t - sin v.
        cosine = mu * mu_below + sigma * sigma_below
        sine = sigma * mu_below - mu * sigma_below
        return (x + sine * output) / cosine

    def fresh_share(self, below: Timestep, t: Timestep) -> tuple[float, float]:
        """Factors of the latent and of fresh noise when it is diffused from `below` to t."""
        kept = self.mu(t) / self.mu(below)
        return kept, float(np.sqrt(1 - kept**2))

    def _alpha_bar(self, t: Timestep) -> float:
        if t == CLEAN:
            return self.final_alpha_bar
        if not 0 <= t < self.length:
            raise ValueError(f"Timestep {t} is outside the schedule, 0 to {self.length - 1}.")
        return float(self.alpha_bar[int(t)])
