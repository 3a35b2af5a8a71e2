"""One meaning for every network of the 3D-UNet family: from a noisy latent to (x0, eps)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from smmbench.diffusion.acceleration.graphs import Graphs, Outputs
from smmbench.diffusion.capture import capture
from smmbench.diffusion.schedule import NoiseSchedule, Prediction

Latent = Float[Tensor, "batch channel time rows columns"]
Text = Float[Tensor, "batch token width"]
Features = dict[str, Float[Tensor, "batch time _channel _rows _columns"]]  # layers differ in size


@dataclass(frozen=True, eq=False)
class Denoiser:
    """A network and its noise schedule.

    Latents stay in their own precision (float32 in all our loops); only the network computes in
    its own.

    Attributes:
        unet: A `UNet3DConditionModel`, or anything with its way of being called.
        schedule: The noise levels that it was trained on.
        compiled: The same network, compiled for whole passes without gradients; None: it is not.
        apart: Run the two halves of classifier-free guidance one after the other: in less memory,
            and by a compiled network of one shape.
        graphs: Recordings of its passes, which are replayed; None: every pass runs as it is.
    """

    unet: nn.Module
    schedule: NoiseSchedule
    compiled: nn.Module | None = None
    apart: bool = False
    graphs: Graphs | None = None

    def output(self, x: Latent, t: int, text: Text) -> Latent:
        """What the network itself returns: noise or v, as the schedule says."""
        if self.compiled is not None and not torch.is_grad_enabled():
            return self._call(self.compiled, x, torch.full((), t, device=x.device), text)
        return self.plain_output(x, t, text)

    def plain_output(self, x: Latent, t: int, text: Text) -> Latent:
        """The same by the network whose layers have names and take hooks, never a compiled one."""
        return self._pass(
            "output", lambda x, when, text: (self._call(self.unet, x, when, text),), x, t, text
        )[0]

    def predict(self, x: Latent, t: int, text: Text) -> Prediction:
        """Clean latent and noise that the network sees in x at timestep t."""
        return self.schedule.read(self.output(x, t, text), x, t)

    def guided(
        self,
        x: Latent,
        t: int,
        text: Text,
        negative: Float[Tensor, "#batch token width"],
        scale: float,
        rescale: float = 0.0,
    ) -> Prediction:
        """The same with classifier-free guidance: away from `negative`, towards `text`.

        Args:
            x: Latent at timestep t.
            t: Timestep.
            text: What the result should show.
            negative: What it should not; a batch of one serves all samples.
            scale: 1 is no guidance, and then the network runs once instead of twice.
            rescale: From 0 (off) to 1: how far the output's spread in each sample is brought back
                to that of the unguided one (section 3.4 of Lin et al., arXiv 2305.08891).
        """
        if scale == 1:
            return self.predict(x, t, text)
        negative = negative.expand_as(text)
        if self.apart:
            without, with_text = self.output(x, t, negative), self.output(x, t, text)
        else:
            texts = torch.cat([negative, text])
            without, with_text = self.output(torch.cat([x, x]), t, texts).chunk(2)
        combined = without + scale * (with_text - without)
        if rescale:
            ratio = _spread(with_text) / _spread(combined)
            combined = combined * (1 - rescale + rescale * ratio)
        return self.schedule.read(combined, x, t)

    def features(self, x: Latent, t: int, text: Text, layers: Sequence[str]) -> Features:
        """Outputs of named layers, in the precision of x; the layers after the last are not run.

        Raises:
            LookupError: There is no such layer, or it gives no features of frames.
        """

        def look(x: Latent, when: int | Tensor, text: Text) -> Outputs:
            with capture(self.unet, layers, stop=True) as captured:
                self._call(self.unet, x, when, text)
            return tuple(_unfold(captured[layer], layer, x).to(x) for layer in layers)

        return dict(zip(layers, self._pass(tuple(layers), look, x, t, text), strict=True))

    def forget(self) -> None:
        """Give back the memory of recorded passes, which are recorded anew when they come again."""
        if self.graphs is not None:
            self.graphs.forget()

    def _pass(
        self, kind: Hashable, work: Callable[..., Outputs], x: Latent, t: int, text: Text
    ) -> Outputs:
        """Run the network, or replay a recording of it."""
        if self.graphs is None:
            return work(x, t, text)
        # A tensor: a recording would keep the number.
        return self.graphs(kind, work, x, torch.full((), t, device=x.device), text)

    def _call(self, network: nn.Module, x: Latent, when: int | Tensor, text: Text) -> Latent:
        dtype = self._dtype
        returned = network(
            x.to(dtype), when, encoder_hidden_states=text.to(dtype), return_dict=False
        )
        found: Latent = returned[0].to(x)
        return found

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype


def _unfold(
    feature: Float[Tensor, ...], layer: str, x: Latent
) -> Float[Tensor, "batch time _channel _rows _columns"]:
    """Undo the folding of time into the batch, which the layers on frames of this family work in.

    Those within a transformer give tokens, and those over time fold space instead: what they give
    looks like features, and is none.
    """
    clips, frames = len(x), x.shape[2]
    if feature.ndim != 4 or len(feature) != clips * frames:
        raise LookupError(
            f"The layer '{layer}' gives no features of frames: of {clips} x {frames} frames it "
            f"gives {tuple(feature.shape)} instead of ({clips * frames}, channel, rows, columns). "
            "Name a block, a convolution or a whole transformer, such as up_blocks.1.attentions.1."
        )
    return torch.unflatten(feature, 0, (clips, frames))


def _spread(x: Latent) -> Float[Tensor, "batch 1 1 1 1"]:
    return x.std(dim=(1, 2, 3, 4), keepdim=True)
