"""One interface to every network: from a noisy latent to a clean latent and noise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from smmbench.diffusion.acceleration.graphs import Graphs, Outputs
from smmbench.diffusion.acceleration.memory import Economy, sparingly
from smmbench.diffusion.capture import capture
from smmbench.diffusion.families import Family, UNet3D
from smmbench.diffusion.schedule import NoiseSchedule, Prediction, Timestep

Latent = Float[Tensor, "batch channel time rows columns"]
Text = Float[Tensor, "batch token width"]
ResultT = TypeVar("ResultT")
Features = dict[str, Float[Tensor, "batch _time _channel _rows _columns"]]  # layers differ in size


@dataclass(frozen=True, eq=False)
class Denoiser:
    """A network and its noise schedule.

    Latents stay in their own precision (float32 in all our loops); only the network computes in
    its own.

    Attributes:
        network: Of the family's class, or any object that is called in the same way.
        schedule: The noise levels on which it was trained.
        compiled: The same network, compiled for whole passes without gradients; None if it is not.
        sequential: Run the two halves of classifier-free guidance one after the other, which takes
            less memory and lets a compiled network see only one shape.
        graphs: Recordings of its passes, which are replayed; None to run every pass directly.
        family: How the network is called and how its layers are arranged.
        spare: What to do when the device's memory runs out: measures that save memory.
    """

    network: nn.Module
    schedule: NoiseSchedule
    compiled: nn.Module | None = None
    sequential: bool = False
    graphs: Graphs | None = None
    family: Family = field(default_factory=UNet3D)
    spare: Economy = field(default_factory=Economy)

    def output(self, x: Latent, t: Timestep, text: Text) -> Latent:
        """The network's own output: noise, v or a velocity, as the schedule says."""
        return self._sparingly(lambda: self._output(x, t, text))

    def _output(self, x: Latent, t: Timestep, text: Text) -> Latent:
        if self.compiled is not None and not torch.is_grad_enabled():
            return self._call(self.compiled, x, torch.full((), t, device=x.device), text)
        return self.plain_output(x, t, text)

    def plain_output(self, x: Latent, t: Timestep, text: Text) -> Latent:
        """The same from the network with named layers and hooks, never from a compiled one."""
        return self._pass(
            "output", lambda x, when, text: (self._call(self.network, x, when, text),), x, t, text
        )[0]

    def predict(self, x: Latent, t: Timestep, text: Text) -> Prediction:
        """Clean latent and noise that the network predicts from x at timestep t."""
        return self.schedule.read(self.output(x, t, text), x, t)

    def guided(
        self,
        x: Latent,
        t: Timestep,
        text: Text,
        negative: Float[Tensor, "#batch token width"],
        scale: float,
        rescale: float = 0.0,
    ) -> Prediction:
        """The same with classifier-free guidance: away from `negative`, towards `text`.

        Args:
            x: Latent at timestep t.
            t: Timestep.
            text: Text states of what the result should show.
            negative: Text states of what it should not show; a batch of one serves all samples.
            scale: At 1 there is no guidance, and the network runs once instead of twice.
            rescale: From 0 (off) to 1: how far the standard deviation of each sample's output is
                brought back to that without guidance (section 3.4 of Lin et al., arXiv
                2305.08891).
        """
        if scale == 1:
            return self.predict(x, t, text)
        without, with_text = self._sparingly(
            lambda: self._halves(x, t, text, negative.expand_as(text))
        )
        return self.towards(with_text, without, x, t, scale, rescale)

    def towards(
        self,
        with_text: Latent,
        without: Latent,
        x: Latent,
        t: Timestep,
        scale: float,
        rescale: float = 0.0,
    ) -> Prediction:
        """The prediction of classifier-free guidance from the network's two outputs.

        Args:
            with_text: Output for the prompt.
            without: Output for the negative prompt.
            x: Latent at timestep t.
            t: Timestep.
            scale: See `guided`.
            rescale: See `guided`.
        """
        combined = without + scale * (with_text - without)
        if rescale:
            ratio = _spread(with_text) / _spread(combined)
            combined = combined * (1 - rescale + rescale * ratio)
        return self.schedule.read(combined, x, t)

    def _halves(self, x: Latent, t: Timestep, text: Text, negative: Text) -> tuple[Latent, Latent]:
        """Outputs for the negative prompt and for the prompt."""
        if self.sequential or self.spare.taken:
            return self._output(x, t, negative), self._output(x, t, text)
        without, with_text = self._output(torch.cat([x, x]), t, torch.cat([negative, text])).chunk(
            2
        )
        return without, with_text

    def features(self, x: Latent, t: Timestep, text: Text, layers: Sequence[str]) -> Features:
        """Outputs of named layers, in the precision of x; layers after the last one are not run.

        Raises:
            LookupError: There is no such layer, or its output is not features of frames.
        """

        def look(x: Latent, when: Timestep | Tensor, text: Text) -> Outputs:
            with capture(self.network, layers, stop=True) as captured:
                self._call(self.network, x, when, text)
            unfold = self.family.unfold
            return tuple(unfold(self.network, captured[layer], layer, x).to(x) for layer in layers)

        found = self._sparingly(lambda: self._pass(tuple(layers), look, x, t, text))
        return dict(zip(layers, found, strict=True))

    def forget(self) -> None:
        """Release the memory of recorded passes, which are recorded again on their next use."""
        if self.graphs is not None:
            self.graphs.forget()

    def _sparingly(self, work: Callable[[], ResultT]) -> ResultT:
        """Run work without gradients; `gradient` does the same for work with gradients."""
        return work() if torch.is_grad_enabled() else sparingly(work, self.spare)

    def _pass(
        self, kind: Hashable, work: Callable[..., Outputs], x: Latent, t: Timestep, text: Text
    ) -> Outputs:
        """Run the network, or replay a recording of it."""
        if self.graphs is None:
            return work(x, t, text)
        # A tensor, since a recording would freeze a plain number.
        return self.graphs(kind, work, x, torch.full((), t, device=x.device), text)

    def _call(self, network: nn.Module, x: Latent, when: Timestep | Tensor, text: Text) -> Latent:
        dtype = self.dtype
        return self.family.call(network, x.to(dtype), when, text.to(dtype)).to(x)

    @property
    def dtype(self) -> torch.dtype:
        """The type in which the network computes."""
        return self.family.dtype(self.network)


def _spread(x: Latent) -> Float[Tensor, "batch 1 1 1 1"]:
    return x.std(dim=(1, 2, 3, 4), keepdim=True)
