"""The image autoencoder, applied to each frame separately."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from smmbench.diffusion.acceleration.memory import Economy
from smmbench.diffusion.codecs.codec import Codec, Frames, Latent

FRAMES_AT_ONCE = 16
"""Number of frames that the autoencoder processes at a time, limited by memory."""


class ImageCodec(Codec):
    """`AutoencoderKL`; the latent has as many frames as the clip.

    Args:
        network: The autoencoder.
        low_memory: Process one frame at a time.
        frames_at_once: Number of frames to process at a time otherwise; None for `FRAMES_AT_ONCE`.
    """

    network_class = "AutoencoderKL"

    def __init__(
        self, network: nn.Module, low_memory: bool = False, frames_at_once: int | None = None
    ) -> None:
        super().__init__(network, low_memory)
        self.frames_at_once = 1 if low_memory else frames_at_once

    def economy(self) -> Economy:
        """Process fewer frames at a time."""
        return Economy(
            *(
                (
                    f"frames are processed {n} at a time: the same result",
                    partial(setattr, self, "frames_at_once", n),
                )
                for n in (4, 1)
            )
        )

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return int(self.network.config.latent_channels)

    @property
    def factor(self) -> int:
        """Two to the number of blocks that halve the sides: all but the last."""
        return int(2 ** (len(self.network.config.block_out_channels) - 1))

    def distribution(self, frames: Frames) -> tuple[Latent, Latent]:
        """Process a few frames at a time."""
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).flatten(0, 1).movedim(-1, 1)
        found = [self.network.encode(self.scaled(some)).latent_dist for some in self._some(pixels)]
        mean = torch.cat([one.mean.float() for one in found])
        deviation = torch.cat([one.std.float() for one in found])
        return _clips(mean, len(frames)), _clips(deviation, len(frames))

    def pixels(self, z: Latent) -> Frames:
        """Process a few frames at a time."""
        frames = z.movedim(1, 2).to(self.network.dtype).flatten(0, 1)
        images = [
            self.rounded(self.network.decode(some, return_dict=False)[0])
            .movedim(1, -1)
            .cpu()
            .numpy()
            for some in self._some(frames)
        ]
        whole = np.concatenate(images)
        return whole.reshape(len(z), -1, *whole.shape[1:])

    def normalised(self, z: Latent) -> Latent:
        """Apply the shift and the scale of the configuration."""
        return (z - self._shift) * self.network.config.scaling_factor

    def restored(self, x: Latent) -> Latent:
        """Undo `normalised`."""
        return x / self.network.config.scaling_factor + self._shift

    @property
    def _shift(self) -> float:
        return float(self.network.config.get("shift_factor") or 0.0)

    def _some(self, frames: Shaped[Tensor, "frame ..."]) -> Iterator[Shaped[Tensor, "some ..."]]:
        at_once = self.frames_at_once or FRAMES_AT_ONCE
        for first in range(0, len(frames), at_once):
            yield frames[first : first + at_once]


def _clips(x: Shaped[Tensor, "frame ..."], clips: int) -> Latent:
    return torch.unflatten(x, 0, (clips, -1)).movedim(2, 1)
