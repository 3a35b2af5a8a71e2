"""A text-to-video model: encodes clips to latents and prompts to text states, and denoises.

All families share this file. Their differences are in `families/`, `codecs/` and `text.py`, one
class per file or a few lines each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, nn

from smmbench.diffusion.acceleration.memory import sparingly
from smmbench.diffusion.codecs import Codec, Frames
from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.families import Family, UNet3D
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.noise import noise
from smmbench.diffusion.schedule import NoiseSchedule
from smmbench.diffusion.text import TextEncoder
from smmbench.diffusion.text_on_demand import TextOnDemand
from smmbench.diffusion.weights_folder import model_folder, weights_of
from smmbench.progress import stage
from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256


class Backbone:
    """A loaded model. Its weights are frozen, and nothing here changes it.

    Args:
        denoiser: The network, its family and its noise schedule.
        codec: The autoencoder.
        text: The text encoder with its tokenizer.
        folder: Folder of the weights, for their hashes.
    """

    def __init__(
        self, denoiser: Denoiser, codec: Codec, text: TextEncoder | TextOnDemand, folder: Path
    ) -> None:
        self.denoiser = denoiser
        self.schedule = denoiser.schedule
        self.family = denoiser.family
        self.codec = codec
        self.text: Any = text  # of either kind
        self.folder = folder

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.denoiser.network.parameters()).device

    def whole_frames(self, frames: int) -> int:
        """The smallest number of frames, at least this one, that the model can generate.

        A clip of another length is padded by repeating its last frame, and the generated video is
        cut to the length of the clip.
        """
        patch = self.family.patch(self.denoiser.network)[0]
        frames = self.codec.whole(frames)
        while self.codec.latent_frames(frames) % patch:
            frames = self.codec.whole(frames + 1)
        return frames

    def latent_shape(self, frames: tuple[int, int, int]) -> tuple[int, int, int, int]:
        """Shape (channel, time, height, width) of the latent of a clip (time, height, width).

        Raises:
            ValueError: The model does not support this size.
        """
        time, height, width = frames
        self._check_size(height, width)
        factor, latent_time = self.codec.factor, self.codec.latent_frames(self.whole_frames(time))
        return self.codec.channels, latent_time, height // factor, width // factor

    @torch.no_grad()
    def encode(
        self, frames: Frames, generators: Generator | Sequence[Generator] | None = None
    ) -> Latent:
        """Encode clips to float32 latents.

        Args:
            frames: RGB, 0 to 255; height and width are multiples of the model's divisors. A clip
                length that the model does not support is padded with the last frame.
            generators: Draw latents from the encoder's distribution with these, one per clip; None
                takes its mean, which needs no seed and is what our methods use in `prepare`.

        Raises:
            ValueError: The model does not support this size.
        """
        self._check_size(*frames.shape[2:4])
        stage("encoding")
        self.denoiser.forget()
        missing = self.whole_frames(frames.shape[1]) - frames.shape[1]
        if missing:
            frames = np.concatenate([frames, np.repeat(frames[:, -1:], missing, axis=1)], axis=1)
        mean, deviation = sparingly(lambda: self.codec.distribution(frames), self.codec.spare)
        z = mean if generators is None else mean + deviation * noise(mean, generators)
        x = self.codec.normalised(z).contiguous()
        check_finite(x, "encoding")
        return x

    @torch.no_grad()
    def decode(self, x: Latent) -> Frames:
        """Decode latents to RGB, 0 to 255, including the frames of padding.

        Raises:
            FloatingPointError: The decoder's output is not finite.
        """
        stage("decoding")
        self.denoiser.forget()  # recorded passes hold memory that the decoder needs
        return sparingly(lambda: self.codec.pixels(self.codec.restored(x)), self.codec.spare)

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Text:
        """Encode prompts, cut or padded to the text encoder's length; a cut warns."""
        return self.text.embed(prompts, self.device)

    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights of each network, however they are split into files; read once."""
        return dict(self._weights)

    def origin(self) -> dict[str, Any]:
        """What everything cached for a model depends on: hashes of its files, and what computes."""
        return {
            "torch": torch.__version__,
            "weights": self.weights(),
            "files": self._files,
            "device": self.device.type,
        }

    @cached_property
    def _files(self) -> list[dict[str, str]]:
        return [folder_sha256(self.folder, f"*.{end}") for end in ("json", "txt")]

    @cached_property
    def _weights(self) -> dict[str, str]:
        parts = (self.family.part, "vae", "text_encoder")
        return {part: tensors_sha256(weights_of(self.folder / part)) for part in parts}

    @property
    def _side(self) -> tuple[int, int]:
        """The divisors of height and width."""
        _, rows, columns = self.family.patch(self.denoiser.network)
        return self.codec.factor * rows, self.codec.factor * columns

    def _check_size(self, height: int, width: int) -> None:
        rows, columns = self._side
        if height % rows or width % columns:
            divides = str(rows) if rows == columns else f"{rows} and {columns}"
            raise ValueError(
                f"This model needs a height and width divisible by {divides}, got {height}x{width} "
                "(height x width)."
            )


def load_backbone(
    model: str,
    revision: str = "",
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    low_memory: bool = False,
    compile: bool = False,
    float8: bool = False,
    check: Callable[[Family], None] | None = None,
) -> Backbone:
    """Load a text-to-video model of a supported family.

    Args:
        model: A name that a distribution provides (`emoji`), a local folder in diffusers' layout,
            or a hub id (`cerspense/zeroscope_v2_576w`, `Wan-AI/Wan2.1-T2V-1.3B-Diffusers`).
        revision: Commit of a hub id; empty for the pinned one of a known id.
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: The type in which the networks compute; latents stay float32.
        low_memory: Recompute layers instead of storing them for gradients, run the halves of
            classifier-free guidance one after the other, and process frames one by one.
        compile: Compile a UNet for passes without gradients, a transformer's blocks for all passes.
        float8: Round the linear layers of a transformer's blocks to 8 bits.
        check: Called with the family before its weights are read; raises if it is not suitable.

    Raises:
        LookupError: There is no such model.
        ValueError: Its family is not supported, or a part is missing or wrong; the message says
            which.
        RuntimeError: `compile` is set and there is no compiler; or `float8` is set and the device
            cannot multiply 8-bit numbers, or the model is not a transformer.
    """
    # This imports diffusers, which takes seconds and is not needed to list methods.
    from smmbench.diffusion.loading import load_codec, load_network, load_schedule, load_text
    from smmbench.diffusion.model_index import read_layout

    folder = model_folder(model, revision)
    layout = read_layout(folder)
    if check:
        check(layout.family)
    schedule = load_schedule(folder)
    network = load_network(folder, layout.family.part, layout.family.network, dtype)
    layout.family.check(network)
    codec = load_codec(layout, dtype, device, low_memory)
    text = load_text(layout, dtype, device, low_memory)
    _check_fit(layout.family, network, codec, text, folder)
    network = network.to(device)
    denoiser = own_denoiser(network, schedule, low_memory, compile, layout.family, float8)
    return Backbone(denoiser, codec, text, folder)


def own_denoiser(
    network: nn.Module,
    schedule: NoiseSchedule,
    low_memory: bool = False,
    compile: bool = False,
    family: Family | None = None,
    float8: bool = False,
) -> Denoiser:
    """Accelerate a network that belongs to the caller alone, in place; results are the same.

    See `load_backbone` for the options, and `acceleration/own.py` for what is done to each family.
    """
    from smmbench.diffusion.acceleration.own import make_own

    family = family or UNet3D()
    own = make_own(network, family, low_memory, compile, float8)
    return Denoiser(network, schedule, own.compiled, own.sequential, own.graphs, family, own.spare)


def _check_fit(
    family: Family, network: nn.Module, codec: Codec, text: TextEncoder | TextOnDemand, folder: Path
) -> None:
    """Check that the parts fit: parts of different models load well and fail far from the cause."""
    pairs = {
        "latent channels": (family.in_channels(network), codec.channels, "vae"),
        "text width": (family.text_width(network), text.width, "text_encoder"),
    }
    for what, (wanted, found, part) in pairs.items():
        if wanted != found:
            raise ValueError(
                f"The parts of {folder} do not belong together: {family.part}/ expects {wanted} "
                f"{what}, but {part}/ has {found}."
            )
