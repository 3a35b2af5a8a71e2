"""CogVideoX's autoencoder: time compressed 4 times, height and width 8 times, one scale."""

from __future__ import annotations

from torch import nn

from smmbench.diffusion.codecs.codec import ClipCodec, Latent


class CogVideoXCodec(ClipCodec):
    """`AutoencoderKLCogVideoX`.

    Args:
        network: The autoencoder.
        low_memory: Process overlapping tiles; where they overlap, the result differs slightly.
    """

    network_class = "AutoencoderKLCogVideoX"
    # Two latent frames. An even number is decoded to 4 frames each: 8 frames for a clip of 5.
    group = 8

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
        """Two to the number of blocks that halve the sides: all but the last."""
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
