"""The interface of an autoencoder: it converts clips to latents and latents to clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from smmbench.diffusion.acceleration.memory import Economy
from smmbench.diffusion.finite import check_finite

Latent = Float[Tensor, "batch channel time rows columns"]
Frames = UInt8[np.ndarray, "batch _frame height width 3"]


class Codec(ABC):
    """An autoencoder with the statistics of its latents.

    Args:
        network: Frozen; nothing here changes its weights.
        low_memory: Process as little as possible at a time.
    """

    network_class: ClassVar[str]  # in diffusers

    def __init__(self, network: nn.Module, low_memory: bool = False) -> None:
        self.network: Any = network
        self.low_memory = low_memory
        self.spare = Economy() if low_memory else self.economy()

    def economy(self) -> Economy:
        """Measures that do what `low_memory` does from the start, for when memory runs out."""
        return Economy()

    @property
    @abstractmethod
    def channels(self) -> int:
        """Channels of a latent."""

    @property
    @abstractmethod
    def factor(self) -> int:
        """Pixels per latent position along one side."""

    @property
    def frame_factor(self) -> int:
        """Frames of a clip per frame of the latent, not counting the first."""
        return 1

    @property
    def frame_rule(self) -> str:
        """The numbers of frames that it can encode, as a short formula."""
        return "any"

    def whole(self, frames: int) -> int:
        """The smallest number of frames, at least this one, of which it encodes all."""
        return frames

    def latent_frames(self, frames: int) -> int:
        """Number of latent frames for this number of frames."""
        return 1 + (frames - 1) // self.frame_factor

    @abstractmethod
    def distribution(self, frames: Frames) -> tuple[Latent, Latent]:
        """Mean and standard deviation of the latents of clips in its own scale, in float32."""

    @abstractmethod
    def pixels(self, z: Latent) -> Frames:
        """Decode latents in the autoencoder's own scale to clips.

        Raises:
            FloatingPointError: The decoder's output is not finite.
        """

    @abstractmethod
    def normalised(self, z: Latent) -> Latent:
        """Latents in the scale on which the network was trained, of about unit variance."""

    @abstractmethod
    def restored(self, x: Latent) -> Latent:
        """Undo `normalised`."""

    def scaled(self, pixels: UInt8[Tensor, ...]) -> Float[Tensor, ...]:
        """Pixels as the encoder expects them: -1 to 1, in its type and on its device."""
        return (pixels.to(self.network.device).float() / 127.5 - 1).to(self.network.dtype)

    def rounded(self, decoded: Float[Tensor, ...]) -> UInt8[Tensor, ...]:
        """Convert the decoder's output to pixels."""
        decoded = decoded.float()
        check_finite(decoded, "decoding")
        return ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte()


class ClipCodec(Codec):
    """An autoencoder that is causal in time: the first frame alone, then groups of frames.

    Frames beyond a multiple of the group plus one are dropped or corrupted, so clips of another
    length must be padded first. Clips are processed one at a time.
    """

    group: ClassVar[int]
    """Number of frames that are encoded at once, after the first."""

    @property
    def frame_rule(self) -> str:
        """As stated for Wan: 4k+1."""
        return f"{self.group}k+1"

    def whole(self, frames: int) -> int:
        """The next multiple of the group, plus one."""
        return 1 + -(-(frames - 1) // self.group) * self.group

    def economy(self) -> Economy:
        """Tiles."""
        return Economy(
            (
                "clips are processed in tiles: slower, and slightly different where they overlap",
                self.network.enable_tiling,
            )
        )

    def distribution(self, frames: Frames) -> tuple[Latent, Latent]:
        """Process the clips one at a time."""
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).movedim(-1, 1)
        found = [self.network.encode(self.scaled(clip[None])).latent_dist for clip in pixels]
        mean = torch.cat([one.mean.float() for one in found])
        return mean, torch.cat([one.std.float() for one in found])

    def pixels(self, z: Latent) -> Frames:
        """Process the clips one at a time."""
        made = [
            self.rounded(self.network.decode(clip[None].to(self.network.dtype)).sample)
            .movedim(1, -1)
            .cpu()
            .numpy()
            for clip in z
        ]
        return np.concatenate(made)
