"""CogVideoX's autoencoder: 4 times fewer frames, 8 times fewer rows and columns, one scale."""

from __future__ import annotations

from torch import nn

from smmbench.diffusion.codecs.codec import ClipCodec, Latent


class CogVideoXCodec(ClipCodec):
    """`AutoencoderKLCogVideoX`.

    Args:
        network: The autoencoder.
        low_memory: In tiles that overlap; where they meet, the result differs a little.
    """

    network_class = "AutoencoderKLCogVideoX"
    group = 8  # two frames of the latent: of an even number it rebuilds 4 each, 8 for 5

    def __init__(self, network: nn.Module, low_memory: bool = False) -> None:
        super().__init__(network, low_memory)
        if low_memory:
            self.network.enable_tiling()

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return int(self.network.config.latent_channels)

    @property
    def factor(self) -> int:
        """Every block but the last halves the sides."""
        return int(2 ** (len(self.network.config.block_out_channels) - 1))

    @property
    def frame_factor(self) -> int:
        """As configured."""
        return int(self.network.config.temporal_compression_ratio)

    def normalised(self, z: Latent) -> Latent:
        """One factor."""
        return z * self._scale

    def restored(self, x: Latent) -> Latent:
        """Undo `normalised`."""
        return x / self._scale

    @property
    def _scale(self) -> float:
        return float(self.network.config.scaling_factor)
