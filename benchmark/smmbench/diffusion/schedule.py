"""Noise schedules: how much signal and how much noise a latent contains at each timestep.

A latent at timestep t is x_t = mu(t) x0 + sigma(t) noise. Two kinds of model share this interface:
those of variance-preserving diffusion, mu = sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar)
(`alpha_bar.py`), and those of flow matching, mu = 1 - sigma (`flow.py`). Everything here is
arithmetic on tensors; no network is run.

The same timestep means something different in each model, and so does "the first ten steps".
Methods therefore state **noise levels** instead: sigma / (mu + sigma), the noise's fraction of
the latent, 0 for a clean latent and 1 for pure noise. For flow matching it is sigma itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

CLEAN = -1
"""The timestep below the smallest: where sampling ends and inversion begins."""

Timestep = int | float
"""The timestep that is passed to a network: an integer if its schedule has integer timesteps."""


@dataclass(frozen=True)
class Prediction:
    """A network's prediction for a latent: x = mu x0 + sigma noise holds for the pair.

    Attributes:
        x0: The clean latent.
        noise: The noise.
    """

    x0: Float[Tensor, "*shape"]
    noise: Float[Tensor, "*shape"]


class NoiseSchedule(ABC):
    """The noise levels of a model, and what its network predicts."""

    @property
    @abstractmethod
    def length(self) -> int:
        """T, the number of timesteps that the model was trained on."""

    @property
    @abstractmethod
    def ladder(self) -> str:
        """How sampling steps through the noise levels, in words, for records."""

    @property
    @abstractmethod
    def predicts(self) -> str:
        """What the network predicts: `epsilon`, `v` or `flow`."""

    @abstractmethod
    def mu(self, t: Timestep) -> float:
        """Factor of the clean latent at timestep t."""

    @abstractmethod
    def sigma(self, t: Timestep) -> float:
        """Factor of the noise at timestep t."""

    @abstractmethod
    def timesteps(self, steps: int) -> tuple[Timestep, ...]:
        """The timesteps of a sampling run, noisiest first.

        Raises:
            ValueError: The schedule has fewer timesteps.
        """

    @abstractmethod
    def nearest(self, level: float) -> Timestep:
        """The timestep whose noise level is nearest to this one, 0 to 1."""

    @abstractmethod
    def draw(self, generator: Generator) -> Timestep:
        """Draw a timestep as in training."""

    @abstractmethod
    def read(
        self, output: Float[Tensor, "*shape"], x: Float[Tensor, "*shape"], t: Timestep
    ) -> Prediction:
        """Convert the network's output for the latent x at t to a clean latent and noise."""

    @abstractmethod
    def output(self, true: Prediction, t: Timestep) -> Float[Tensor, "*shape"]:
        """What a perfect network would return at t for a mixture of this clean latent and noise."""

    @abstractmethod
    def inversion_step(
        self,
        output: Float[Tensor, "*shape"],
        x: Float[Tensor, "*shape"],
        below: Timestep,
        t: Timestep,
    ) -> Float[Tensor, "*shape"]:
        """One step of inversion: the latent at t from which sampling would step to x.

        It is exact for the network's output at (x_t, t); inversion has only the one at (x, t).

        Args:
            output: What the network returned for x at the timestep t.
            x: The latent at the timestep `below`.
            below: The timestep of x.
            t: The noisier timestep to go to.

        Raises:
            ValueError: t is pure noise and x has none, so that they share nothing.
        """

    def fresh_share(self, below: Timestep, t: Timestep) -> tuple[float, float]:
        """Factors of the latent and of fresh noise when it is diffused from `below` to t."""
        kept = self.mu(t) / self.mu(below)
        return kept, max(self.sigma(t) ** 2 - (kept * self.sigma(below)) ** 2, 0.0) ** 0.5

    def noise_level(self, t: Timestep) -> float:
        """The noise's fraction of a latent at timestep t, sigma / (mu + sigma): 0 to 1."""
        mu, sigma = self.mu(t), self.sigma(t)
        return sigma / (mu + sigma)

    def at(self, t: Timestep, prediction: Prediction) -> Float[Tensor, "*shape"]:
        """The latent with this clean latent and noise at timestep t: one deterministic step."""
        return self.mu(t) * prediction.x0 + self.sigma(t) * prediction.noise

    def renoise(
        self,
        x: Float[Tensor, "*shape"],
        below: Timestep,
        t: Timestep,
        noise: Float[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        """Diffuse a latent forward from the timestep `below` to the noisier t.

        One jump has the same distribution as all single steps in between, for one draw of noise.
        """
        kept, fresh = self.fresh_share(below, t)
        return kept * x + fresh * noise


def within(
    schedule: NoiseSchedule, timesteps: Sequence[Timestep], highest: float, lowest: float
) -> tuple[Timestep, ...]:
    """The timesteps whose noise levels are in a window, bounds included, in the same order."""
    return tuple(t for t in timesteps if lowest <= schedule.noise_level(t) <= highest)


def check_window(highest: float, lowest: float, name: str = "guided") -> None:
    """Refuse a window of noise levels that is not decreasing or is not between 1 and 0.

    Raises:
        ValueError: It is invalid; the message names `<name>_from` and `<name>_to`.
    """
    if highest > 1:
        raise ValueError(f"{name}_from must be a noise level of at most 1, got {highest:g}.")
    if not 0 <= lowest <= highest:
        raise ValueError(
            f"{name}_to must be a noise level from 0 to {name}_from ({highest:g}), got {lowest:g}."
        )
