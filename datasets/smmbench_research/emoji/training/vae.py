"""Train the VAE: frames to latents of 8 channels and an eighth of their size, and back.

    python -m smmbench_research.emoji.training.vae --seconds 270 --output DIR
    torchrun --nproc-per-node 2 -m smmbench_research.emoji.training.vae --seconds 270 --output DIR

Writes `DIR/vae/` (a diffusers folder, half precision, with report.json) and, while it trains,
`DIR/vae-snapshot/` for the trainings that want reconstructions.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as nnf
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor, nn

from smmbench_datasets.emoji.world import Split, World
from smmbench_research.emoji.training.frames import Frames
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report

VAE = Any  # an AutoencoderKL: mypy cannot follow what diffusers makes of its classes
# Most channels are where a sprite is 4 to 16 cells wide, which costs little time on a CPU.
CHANNELS = (32, 64, 128, 160)
SPRITE_WEIGHT = 4.0  # weight of a sprite's pixel; the background has 1
KL_WEIGHT = 3e-6  # keeps the latents in a smooth range; their scale is set afterwards
SNAPSHOT_EVERY = 45.0  # seconds


class RoundTrip(nn.Module):
    """Encoder and decoder in one graph."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, frames: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruct `frames` (0 to 1); also mean and log variance of the latents."""
        vae = self.vae
        mean, log_variance = vae.quant_conv(vae.encoder(2 * frames - 1)).float().chunk(2, dim=1)
        log_variance = log_variance.clamp(-20, 5)
        latent = mean + torch.exp(0.5 * log_variance) * noise
        decoded = vae.decoder(vae.post_quant_conv(latent)).float()
        return (decoded + 1) / 2, mean, log_variance


def build(smoke: bool = False) -> VAE:
    """An untrained VAE."""
    levels = len(CHANNELS)
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16) if smoke else CHANNELS,
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        layers_per_block=1,
        latent_channels=8,
        norm_num_groups=8,
        sample_size=128,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def reconstruction_loss(
    decoded: Tensor, frames: Tensor, mask: Tensor, share: float
) -> Float[Tensor, ""]:
    """Squared error, with more weight on sprites and two other terms early in training.

    The absolute error finds colours sooner, and the error of 4x4 means keeps large areas from
    settling on a grey of the right contrast. Both fade, since PSNR is what counts.
    """
    weight = 1 + (SPRITE_WEIGHT - 1) * mask
    error = decoded - frames
    loss = (weight * error.square()).mean()
    coarse = nnf.avg_pool2d(error, 4).square().mean()
    help_share = (1 - share) ** 2
    return loss + help_share * (0.1 * (weight * error.abs()).mean() + 2 * coarse)


@torch.no_grad()
def fold_(vae: VAE, mean: Tensor, deviation: Tensor) -> None:
    """Shift and scale the latents to mean 0 and deviation 1 by changing the two convolutions.

    Reconstructions stay the same. `mean` and `deviation` have one value per channel.
    """
    quant, post = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    quant.bias[:channels] = (quant.bias[:channels] - mean) / deviation
    quant.weight[:channels] /= deviation[:, None, None, None]
    quant.bias[channels:] -= 2 * deviation.log()  # the other half is the log variance
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= deviation[:, None, None]


@torch.no_grad()
def latent_statistics(vae: VAE, frames: Frames, batches: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel over many frames."""
    total = square = torch.zeros((), dtype=torch.float64)
    for _ in range(batches):
        latent = vae.encode(2 * frames.draw(64).image - 1).latent_dist.mean.double()
        total = total.to(latent) + latent.mean((0, 2, 3)) / batches
        square = square.to(latent) + latent.square().mean((0, 2, 3)) / batches
    return total.float(), (square - total.square()).clamp(min=1e-8).sqrt().float()


@torch.no_grad()
def finished(loop: Loop, world: World, batches: int = 16) -> VAE:
    """Return a copy of the averaged VAE whose latents have mean 0 and deviation 1."""
    vae: VAE = copy.deepcopy(loop.averaged).to(memory_format=torch.contiguous_format)
    fold_(vae, *latent_statistics(vae, Frames(world, seed=1), batches))
    return vae


def save(vae: VAE, folder: Path) -> None:
    """Write the folder in half precision, each file atomically, the weights last."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as temporary:
        copy.deepcopy(vae).half().save_pretrained(temporary)
        for name in ("config.json", "diffusion_pytorch_model.safetensors"):
            (Path(temporary) / name).chmod(0o644)
            os.replace(Path(temporary) / name, folder / name)


@torch.no_grad()
def psnr(
    vae: VAE, world: World, count: int, split: Split = "val", seed: int = 2
) -> dict[str, float]:
    """PSNR in dB of the mean squared error over all pixels, and over those of sprites."""
    frames = Frames(world, seed, split)
    frame = sprite = pixels = 0.0
    for _ in range(0, count, 64):
        batch = frames.draw(min(64, count))
        decoded = vae.decode(vae.encode(2 * batch.image - 1).latent_dist.mode()).sample
        error = ((decoded + 1) / 2).clamp(0, 1).sub(batch.image).square().mean(1, keepdim=True)
        inside = (batch.mask > 0.5).float()
        frame += float(error.mean()) / math.ceil(count / 64)
        sprite += float((error * inside).sum())
        pixels += float(inside.sum())
    return {"psnr_frame": _decibel(frame), "psnr_sprite": _decibel(sprite / max(pixels, 1))}


def _decibel(error: float) -> float:
    return round(-10 * math.log10(max(error, 1e-12)), 3)


def train(place: Place, args: argparse.Namespace, world: World) -> Loop:
    """Train until time runs out, writing snapshots."""
    torch.manual_seed(args.seed)
    smoke, output = args.smoke, args.output
    vae = build(smoke).to(place.device, memory_format=torch.channels_last)
    loop = Loop(
        vae,
        place,
        output,
        "vae",
        args.seconds,
        rate=1.2e-3,
        decay=0.998,
        resume=args.resume,
    )
    forward: Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]] = RoundTrip(vae)
    if not (smoke or args.no_compile):
        forward = torch.compile(forward)
    n = args.batch or (4 if smoke else 128)
    frames = Frames(world, seed=1000 * (args.seed + 1) + place.rank + 7 * loop.step)
    torch.manual_seed(args.seed + 1 + place.rank)
    for share in loop:
        batch = frames.draw(n)
        image = batch.image.contiguous(memory_format=torch.channels_last)
        with place.autocast():
            decoded, mean, log_variance = forward(
                image, torch.randn(n, 8, 16, 16, device=place.device)
            )
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        loss = reconstruction_loss(decoded, image, batch.mask, share) + KL_WEIGHT * kl
        error = (decoded.detach() - image).square().mean(1, keepdim=True)
        loop.update(
            loss,
            mse=error.mean(),
            mse_sprite=(error * batch.mask).sum() / batch.mask.sum(),
            kl=kl,
        )
        if loop.every("snapshot", SNAPSHOT_EVERY, at_once=False):
            save(finished(loop, world, batches=4), output / "vae-snapshot")
            loop.note(**psnr(loop.averaged, world, 256))
    return loop


def main() -> None:
    """Train the VAE, normalise its latents, measure it and write it."""
    args = options("Train the VAE of the emoji world.").parse_args()
    place = join(args.device)
    world = World(place.device)
    loop = train(place, args, world)
    leave(place)
    if not place.leads:
        return
    vae = finished(loop, world, batches=1 if args.smoke else 32)
    save(vae, args.output / "vae")
    save(vae, args.output / "vae-snapshot")
    stored: VAE = AutoencoderKL.from_pretrained(
        args.output / "vae", torch_dtype=torch.float32, low_cpu_mem_usage=False
    )
    stored = stored.to(place.device).eval()
    mean, deviation = latent_statistics(stored, Frames(world, 3, "val"), 1 if args.smoke else 16)
    write_report(
        args.output / "vae" / "report.json",
        loop,
        {
            **psnr(stored, world, 8 if args.smoke else 2048),
            "latent_mean": [round(v, 4) for v in mean.tolist()],
            "latent_deviation": [round(v, 4) for v in deviation.tolist()],
        },
    )


if __name__ == "__main__":
    main()
