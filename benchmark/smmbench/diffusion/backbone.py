"""A text-to-video model of the 3D-UNet family: clips to latents, prompts to text, and its denoiser.

ZeroScope, ModelScope and the embedded emoji model take the same way through this file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Generator, Tensor, nn

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.finite import check_finite
from smmbench.diffusion.noise import noise
from smmbench.diffusion.schedule import NoiseSchedule
from smmbench.diffusion.weights_folder import model_folder, weights_of
from smmbench.storage.home import folder_sha256
from smmbench.storage.weights_hash import tensors_sha256

FRAMES_AT_ONCE = 16
"""Frames that the autoencoder sees at a time: it knows nothing of time, so memory decides."""

Frames = UInt8[np.ndarray, "batch time height width 3"]


class Backbone:
    """A loaded model. Its weights are frozen and nothing here changes it.

    Args:
        denoiser: The UNet and its noise schedule.
        vae: An `AutoencoderKL`.
        text_encoder: A `CLIPTextModel`.
        tokenizer: Its `CLIPTokenizer`.
        folder: Where the weights are, for their hashes.
        frames_at_once: Frames that the autoencoder sees at a time; None: `FRAMES_AT_ONCE`.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        vae: nn.Module,
        text_encoder: nn.Module,
        tokenizer: Any,
        folder: Path,
        frames_at_once: int | None = None,
    ) -> None:
        self.denoiser = denoiser
        self.schedule = denoiser.schedule
        self.vae: Any = vae
        self.text_encoder: Any = text_encoder
        self.tokenizer = tokenizer
        self.folder = folder
        self.frames_at_once = frames_at_once

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.denoiser.unet.parameters()).device

    def latent_shape(self, frames: tuple[int, int, int]) -> tuple[int, int, int, int]:
        """Shape (channel, time, height, width) of the latent of a clip (time, height, width).

        Raises:
            ValueError: The size does not fit.
        """
        time, height, width = frames
        self._check_size(height, width)
        factor = self._factor
        return self.vae.config.latent_channels, time, height // factor, width // factor

    @torch.no_grad()
    def encode(
        self, frames: Frames, generators: Generator | Sequence[Generator] | None = None
    ) -> Latent:
        """Encode clips to float32 latents.

        Args:
            frames: RGB, 0 to 255; height and width multiples of the autoencoder's factor.
            generators: Draw latents from the encoder's distribution with these, one a clip; None
                takes its mean, which needs no seed and is what our methods prepare with.

        Raises:
            ValueError: The size does not fit.
        """
        self._check_size(*frames.shape[2:4])
        self.denoiser.forget()
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).flatten(0, 1).movedim(-1, 1)
        chunks = [self._encode(chunk) for chunk in self._chunks(pixels)]
        mean, deviation = (
            torch.unflatten(torch.cat(part), 0, frames.shape[:2]).movedim(2, 1)
            for part in zip(*chunks, strict=True)
        )
        z = mean if generators is None else mean + deviation * noise(mean, generators)
        x = ((z - self._shift) * self.vae.config.scaling_factor).contiguous()
        check_finite(x, "encoding")
        return x

    @torch.no_grad()
    def decode(self, x: Latent) -> Frames:
        """Decode latents to RGB, 0 to 255.

        Raises:
            FloatingPointError: The decoder's output is not finite.
        """
        self.denoiser.forget()  # recorded passes hold memory that the decoder wants
        z = (x / self.vae.config.scaling_factor + self._shift).movedim(1, 2).to(self.vae.dtype)
        images = [self._decode(chunk).cpu().numpy() for chunk in self._chunks(z.flatten(0, 1))]
        frames = np.concatenate(images)
        return frames.reshape(len(x), -1, *frames.shape[1:])

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Text:
        """Encode prompts, cut or filled up to the text encoder's length; a cut warns."""
        length = self.tokenizer.model_max_length
        filled = self.tokenizer(
            list(prompts), padding="max_length", max_length=length, truncation=True
        )
        uncut = self.tokenizer(list(prompts), verbose=False)["input_ids"]
        for prompt, whole in zip(prompts, uncut, strict=True):
            if len(whole) > length:
                warnings.warn(
                    f"The prompt has {len(whole)} tokens, the text encoder reads {length}; its end "
                    f"is cut: {prompt!r}",
                    stacklevel=2,
                )
        tokens = torch.tensor(filled["input_ids"], device=self.device)
        return self.text_encoder(tokens)[0].float()

    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights of each network, whatever files they lie in; read once."""
        return dict(self._weights)

    def origin(self) -> dict[str, Any]:
        """What all that is kept of a model depends on: its files by hash, and what computes."""
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
        parts = ("unet", "vae", "text_encoder")
        return {part: tensors_sha256(weights_of(self.folder / part)) for part in parts}

    @property
    def _shift(self) -> float:
        return float(self.vae.config.get("shift_factor") or 0.0)

    @property
    def _factor(self) -> int:
        """Pixels along a side of one place of the latent."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    def _check_size(self, height: int, width: int) -> None:
        factor = self._factor
        if height % factor or width % factor:
            raise ValueError(
                f"This model needs a height and width that {factor} divides, got {height}x{width} "
                "(height x width)."
            )

    def _encode(
        self, pixels: UInt8[Tensor, "frame 3 height width"]
    ) -> tuple[Float[Tensor, "frame channel rows columns"], ...]:
        """Mean and standard deviation of the latent of each frame."""
        scaled = pixels.to(self.device).float() / 127.5 - 1
        found = self.vae.encode(scaled.to(self.vae.dtype)).latent_dist
        return found.mean.float(), found.std.float()

    def _decode(
        self, z: Float[Tensor, "frame channel rows columns"]
    ) -> UInt8[Tensor, "frame height width 3"]:
        decoded = self.vae.decode(z, return_dict=False)[0].float()
        check_finite(decoded, "decoding")
        return ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().movedim(1, -1)

    def _chunks(self, frames: Shaped[Tensor, "frame ..."]) -> Iterator[Shaped[Tensor, "some ..."]]:
        at_once = self.frames_at_once or FRAMES_AT_ONCE
        for first in range(0, len(frames), at_once):
            yield frames[first : first + at_once]


def load_backbone(
    model: str,
    revision: str = "",
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    low_memory: bool = False,
    compile: bool = False,
) -> Backbone:
    """Load a model of the 3D-UNet family.

    Args:
        model: A name that a distribution offers (`emoji`), a local folder in diffusers' layout, or
            a hub id (`cerspense/zeroscope_v2_576w`).
        revision: Commit of a hub id; empty for the fixed one of a known id.
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: What the networks compute in; latents stay float32.
        low_memory: Compute layers again instead of keeping them for gradients, the halves of
            classifier-free guidance one after the other, and frames one by one.
        compile: Compile the UNet for passes without gradients.

    Raises:
        LookupError: There is no such model.
        ValueError: A part of it is missing or wrong; the message says which.
        RuntimeError: It is to be compiled, and there is no compiler.
    """
    # These import diffusers, which takes seconds: not to list methods.
    from smmbench.diffusion.loading import load_network, load_schedule, load_tokenizer

    folder = model_folder(model, revision)
    unet, vae, text_encoder = (
        load_network(folder, part, dtype) for part in ("unet", "vae", "text_encoder")
    )
    _check_fit(unet, vae, text_encoder, folder)
    schedule, tokenizer = load_schedule(folder), load_tokenizer(folder)
    unet, vae, text_encoder = (part.to(device) for part in (unet, vae, text_encoder))
    denoiser = own_denoiser(unet, schedule, low_memory, compile)
    frames_at_once = 1 if low_memory else None
    return Backbone(denoiser, vae, text_encoder, tokenizer, folder, frames_at_once)


def own_denoiser(
    unet: nn.Module, schedule: NoiseSchedule, low_memory: bool = False, compile: bool = False
) -> Denoiser:
    """Make a UNet that is nobody else's faster or smaller, in place, by the same arithmetic.

    On a GPU its layers become channels-last and its passes are recorded; elsewhere they stay
    diffusers' own. See `load_backbone`.
    """
    from smmbench.diffusion.acceleration.checkpointing import checkpoint_layers
    from smmbench.diffusion.acceleration.compiled import compiled
    from smmbench.diffusion.acceleration.graphs import graphs_of
    from smmbench.diffusion.acceleration.layout import channels_last

    device = next(unet.parameters()).device
    if device.type == "cuda":
        channels_last(unet)
    if low_memory:
        checkpoint_layers(unet)
    network = compiled(unet, device) if compile else None
    return Denoiser(unet, schedule, network, low_memory or compile, graphs_of(unet))


def _check_fit(unet: Any, vae: Any, text_encoder: Any, folder: Path) -> None:
    """Parts of different models load well, and fail far from the cause."""
    pairs = {
        "latent channels": (unet.config.in_channels, vae.config.latent_channels, "vae"),
        "text width": (
            unet.config.cross_attention_dim,
            text_encoder.config.hidden_size,
            "text_encoder",
        ),
    }
    for what, (wanted, found, part) in pairs.items():
        if wanted != found:
            raise ValueError(
                f"The parts of {folder} do not belong together: unet/ wants {wanted} {what}, "
                f"{part}/ gives {found}."
            )
