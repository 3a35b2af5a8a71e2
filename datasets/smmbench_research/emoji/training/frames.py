"""Training frames: drawn from the world, passed through the VAE, and corrupted on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as nnf
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor

from smmbench_datasets.emoji.world import FRAMES, Clips, Split, World

LOT = 4096  # clips; drawing many costs the CPU little more than drawing ten
RELOAD_EVERY = 200  # batches

Images = Float[Tensor, "frames 3 height width"]


@dataclass(frozen=True)
class Batch:
    """Random frames of random clips.

    Attributes:
        image: 0 to 1.
        mask: Alpha of the object.
        clips: The clip of each frame.
        centre: Centre of the object, (x, y) in pixels.
    """

    image: Images
    mask: Float[Tensor, "frames 1 height width"]
    clips: Clips
    centre: Float[Tensor, "frames 2"]


class Frames:
    """Draws an endless sequence of frames, determined by the seed."""

    def __init__(self, world: World, seed: int, split: Split = "train") -> None:
        self.world, self.split = world, split
        self.generator = torch.Generator().manual_seed(seed)
        self._lot: Clips | None = None
        self._next = 0

    def draw(self, n: int) -> Batch:
        """Draw `n` frames, each of a different clip."""
        if self._lot is None or self._next + n > len(self._lot):
            self._lot = self.world.sample(max(LOT, n), self.generator, split=self.split)
            self._next = 0
        clips = self._lot.take(slice(self._next, self._next + n))
        self._next += n
        t = torch.randint(FRAMES, (n,), generator=self.generator)
        image, mask = self.world.render_frames(clips, t)
        centre = self.world.centres(clips)[torch.arange(n), t].to(image.device)
        return Batch(image.clamp(0, 1), mask, clips, centre)


class Reconstruction:
    """The VAE in `folder`, reloaded whenever its training writes a newer snapshot."""

    def __init__(self, folder: Path | None, device: torch.device) -> None:
        self.folder, self.device = folder, device
        self._vae: Any = None  # diffusers is not typed
        self._read, self._calls = 0.0, 0

    @torch.no_grad()
    def __call__(self, image: Images, noise: float = 0.0) -> Images | None:
        """Encode and decode, with noise on the latents of up to `noise` deviations.

        Returns None until the VAE exists.
        """
        self._refresh()
        if self._vae is None:
            return None
        cuda = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=cuda):
            latent = self._vae.encode(2 * image - 1).latent_dist.mean
            strength = noise * torch.rand(len(latent), 1, 1, 1, device=latent.device)
            latent = latent + strength * torch.randn_like(latent)
            decoded = self._vae.decode(latent).sample
        return ((decoded.float() + 1) / 2).clamp(0, 1)

    def _refresh(self) -> None:
        self._calls += 1
        if self.folder is None or (self._vae is not None and self._calls % RELOAD_EVERY):
            return
        weights = self.folder / "diffusion_pytorch_model.safetensors"
        if weights.is_file() and weights.stat().st_mtime != self._read:
            self._read = weights.stat().st_mtime
            vae: Any = AutoencoderKL.from_pretrained(
                self.folder, torch_dtype=torch.float32, low_cpu_mem_usage=False
            )
            self._vae = vae.to(self.device).eval().requires_grad_(False)


def blurred(image: Images, widest: float) -> Images:
    """Blur each image by a random Gaussian, 0 to `widest` pixels of standard deviation."""
    n, reach = len(image), max(1, round(2.5 * widest))
    sigma = (widest * torch.rand(n, 1, device=image.device)).clamp(min=0.1)
    offset = torch.arange(-reach, reach + 1, device=image.device)
    kernel = torch.softmax(-(offset**2) / (2 * sigma**2), dim=1).repeat_interleave(3, 0)
    flat = image.reshape(1, -1, *image.shape[2:])
    flat = nnf.conv2d(
        nnf.pad(flat, (reach, reach, 0, 0), mode="replicate"), kernel[:, None, None], groups=3 * n
    )
    flat = nnf.conv2d(
        nnf.pad(flat, (0, 0, reach, reach), mode="replicate"),
        kernel[:, None, :, None],
        groups=3 * n,
    )
    return flat.view_as(image)


def recoloured(image: Images, strength: float) -> Images:
    """Change brightness, contrast and the balance of the colours of each image a little."""
    n, device = len(image), image.device
    gain = 1 + strength * (2 * torch.rand(n, 3, 1, 1, device=device) - 1)
    shift = 0.5 * strength * (2 * torch.rand(n, 3, 1, 1, device=device) - 1)
    return ((image - 0.5) * gain + 0.5 + shift).clamp(0, 1)


def shuffled(image: Images, centre: Int[Tensor, "frames 2"], side: int, cells: int) -> Images:
    """Shuffle the parts of the square around `centre`, so that no shape is left.

    Args:
        image: Frames.
        centre: (x, y) in whole pixels; moved so that the square is within the image.
        side: Side of the square in pixels, a multiple of `cells`.
        cells: Number of parts along each side.
    """
    n, channels, height, width = image.shape
    corner = centre - side // 2
    limit = torch.tensor([width - side, height - side], device=image.device)
    corner = corner.clamp(min=0).minimum(limit)
    reach = torch.arange(side, device=image.device)
    x, y = corner[:, :1] + reach, corner[:, 1:] + reach
    row = torch.arange(n, device=image.device)[:, None, None]
    square = image.permute(0, 2, 3, 1)[row, y[:, :, None], x[:, None, :]]
    cell = side // cells
    parts = square.view(n, cells, cell, cells, cell, channels).transpose(2, 3).flatten(1, 2)
    order = torch.rand(n, cells * cells, device=image.device).argsort(1)
    parts = parts[row[:, 0], order].view(n, cells, cells, cell, cell, channels).transpose(2, 3)
    spoilt = image.permute(0, 2, 3, 1).clone()
    spoilt[row, y[:, :, None], x[:, None, :]] = parts.reshape(n, side, side, channels)
    return spoilt.permute(0, 3, 1, 2)


def part_hidden(
    image: Images,
    mask: Float[Tensor, "frames 1 height width"],
    centre: Float[Tensor, "frames 2"],
    whole: Tensor,
) -> Images:
    """Hide half of each object, or all of it if `whole`, behind part of its own background.

    That part comes from half an image width to the side.
    """
    n, _, height, width = image.shape
    angle = 2 * torch.pi * torch.rand(n, 1, 1, device=image.device)
    x = torch.arange(width, device=image.device) - centre[:, :1]
    y = torch.arange(height, device=image.device) - centre[:, 1:]
    side = torch.cos(angle) * x[:, None, :] + torch.sin(angle) * y[:, :, None]
    grown = nnf.max_pool2d(mask, 5, stride=1, padding=2)  # no outline stays behind
    cover = ((side > 0) | whole[:, None, None])[:, None] * (grown > 0)
    return image + cover * (image.roll(width // 2, dims=3) - image)
