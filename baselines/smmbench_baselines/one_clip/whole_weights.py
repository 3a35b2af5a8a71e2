"""Methods whose adapters are changes of whole weights: Tune-A-Video and VMC."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from jaxtyping import Float
from torch import Generator, Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.noise import noise
from smmbench.diffusion.parameters import refuse_below
from smmbench.diffusion.schedule import Prediction, Timestep
from smmbench.diffusion.start_noise import low_pass
from smmbench_baselines.one_clip.adapters import Adapter
from smmbench_baselines.one_clip.changes import (
    apply_changes,
    no_changes,
    one_by_one,
    together,
)
from smmbench_baselines.one_clip.method import OneClipMethod, OneClipParameters
from smmbench_baselines.one_clip.shell import checkpoint_blocks, linear_layers
from smmbench_baselines.one_clip.tuning import tune

LONGEST = 1.0
"""Length to which the published code of both methods shortens a gradient."""


@dataclass(frozen=True)
class WholeWeightParameters(OneClipParameters):
    """Parameters of methods that change whole weights."""

    downsample: Annotated[
        int, Doc("Above 1: keep only low frequencies of the inverted noise, by this factor.")
    ] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_below(self, 1, "downsample")


ParametersT = TypeVar("ParametersT", bound=WholeWeightParameters)


class WholeWeightMethod(OneClipMethod[ParametersT]):
    """Tunes the weights of some linear layers with one loss; inverts with the tuned network."""

    tuned_layers: ClassVar[str]  # a regular expression for their names

    @abstractmethod
    def loss(
        self, output: Latent, true: Prediction, x: Latent, t: Timestep
    ) -> Float[Tensor, " clip"]:
        """Loss of the network's output for x at t, where x is a mixture of `true`."""

    def check_model(self) -> None:
        """Find the layers to tune before any clip is processed."""
        linear_layers(self.backbone.denoiser.network, self.tuned_layers)

    def tune(self, x: Latent, text: Text) -> tuple[list[Adapter], Float[Tensor, "step clip"]]:
        """Tune changes of the layers' weights, from zero."""
        denoiser = self.shell()
        layers = linear_layers(denoiser.network, self.tuned_layers)
        changes = no_changes(denoiser.network, layers, len(x))
        apply_changes(denoiser.network, changes)
        if self.parameters.checkpointing:
            checkpoint_blocks(denoiser.network)

        def objective(
            t: Timestep, eps: Latent, _generator: Generator
        ) -> Iterator[Float[Tensor, " clip"]]:
            true = Prediction(x0=x, noise=eps)
            noisy = denoiser.schedule.at(t, true)
            yield self.loss(denoiser.output(noisy, t, text), true, noisy, t)

        tensors = [change.requires_grad_() for change in changes.values()]
        losses = tune(tensors, objective, x, denoiser.schedule, self.plan(longest=LONGEST))
        return one_by_one(changes, len(x)), losses

    def adapted(self, adapters: Sequence[Adapter]) -> Denoiser:
        """A shell with these changes."""
        denoiser = self.shell()
        apply_changes(denoiser.network, together(adapters))
        return denoiser

    def start(self, inverted: Latent, draws: Sequence[Generator]) -> Latent:
        """The inverted noise, or its low frequencies combined with fresh high ones."""
        factor = self.parameters.downsample
        if factor == 1:
            return inverted
        fresh = noise(inverted, draws)
        return low_pass(inverted, factor) + fresh - low_pass(fresh, factor)
