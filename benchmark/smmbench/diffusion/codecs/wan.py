"""Wan's autoencoder: time compressed 4 times, height and width 8 times, one scale per channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from smmbench.diffusion.codecs.codec import ClipCodec, Latent


class WanCodec(ClipCodec):
    """`AutoencoderKLWan`; every latent channel has its own mean and standard deviation.

    Args:
        network: The autoencoder.
        low_memory: Process overlapping tiles; where they overlap, the result differs slightly.
    """

    network_class = "AutoencoderKLWan"
    group = 4  # independent of how many levels compress time

    def __init__(self, network: nn.Module, low_memory: bool = False) -> None:
        super().__init__(network, low_memory)
        if low_memory:
            self.network.enable_tiling()

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return int(self.network.config.z_dim)

    @property
    def factor(self) -> int:
        """Two to the number of levels that halve the sides: all but the last."""
        config = self.network.config
        return int(2 ** (len(config.dim_mult) - 1) * (config.patch_size or 1))

    @property
    def frame_factor(self) -> int:
        """Two to the number of levels that halve time."""
        return int(2 ** sum(self.network.config.temperal_downsample))

    def normalised(self, z: Latent) -> Latent:
        """Apply the statistics of each channel."""
        mean, deviation = self._statistics(z)
        return (z - mean) / deviation

    def restored(self, x: Latent) -> Latent:
        """Undo `normalised`."""
        mean, deviation = self._statistics(x)
        return x * deviation + mean

    def _statistics(self, like: Latent) -> tuple[Tensor, Tensor]:
        config = self.network.config
        mean, deviation = (
            torch.tensor(values, device=like.device).view(1, -1, 1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )
        return mean, deviation
