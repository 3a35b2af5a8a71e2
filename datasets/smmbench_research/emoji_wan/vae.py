r"""Train the causal video VAE: 17 frames of 128x128 to 9 latent frames of 16 channels, 16x16.

    torchrun --nproc-per-node 2 -m smmbench_research.emoji_wan.vae --seconds 260 --output DIR

Writes `DIR/vae/`, an `AutoencoderKLWan` of diffusers in half precision, with report.json. It has
one temporal downsampling (a factor of 2, where Wan 2.1 has 4): layers before it look at one frame
alone, layers behind it are causal in time. It trains on whole clips by `whole_sequence`; a test
holds the two forms equal.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as nnf
from diffusers import AutoencoderKLWan
from torch import Tensor, nn

from smmbench_datasets.emoji.sampling import Split
from smmbench_datasets.emoji_wan.world import Clips, Renderer, sample
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report
from smmbench_research.emoji_wan import whole_sequence

LATENT_CHANNELS, TEMPORAL_FACTOR = 16, 2
SPRITE_WEIGHT = 4.0  # of a sprite's pixel, against 1 of the background's
KL_WEIGHT = 3e-6  # keeps the latents in a smooth range; their scale is told in the configuration
MEASURE_EVERY = 60.0  # seconds
LOT = 2048  # clips: drawing a lot costs the CPU little more than drawing ten


class RoundTrip(nn.Module):
    """Encoder and decoder in one graph."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, video: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruct `video` (-1 to 1); also mean and log variance of the latents."""
        mean, log_variance = whole_sequence.encode(self.vae, video)
        latents = mean + torch.exp(0.5 * log_variance) * noise
        return whole_sequence.decode(self.vae, latents), mean, log_variance


def build(smoke: bool = False) -> Any:
    """An untrained VAE."""
    vae = AutoencoderKLWan(
        base_dim=8 if smoke else 32,
        z_dim=LATENT_CHANNELS,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, False],
        latents_mean=[0.0] * LATENT_CHANNELS,
        latents_std=[1.0] * LATENT_CHANNELS,
        scale_factor_temporal=TEMPORAL_FACTOR,
        scale_factor_spatial=8,
    )
    whole_sequence.clear_unused_taps_(vae)
    return vae


class Videos:
    """Draws whole clips without end; the same seed gives the same clips."""

    def __init__(self, renderer: Renderer, seed: int, split: Split = "train") -> None:
        self.renderer, self.split = renderer, split
        self.generator = torch.Generator().manual_seed(seed)
        self._lot: Clips | None = None
        self._next = 0

    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """Videos (n, 3, time, height, width), -1 to 1, and the alpha of their objects."""
        if self._lot is None or self._next + n > len(self._lot):
            self._lot, self._next = sample(max(LOT, n), self.generator, self.split), 0
        clips = self._lot.take(slice(self._next, self._next + n))
        self._next += n
        video, alpha = self.renderer.render_with_alpha(clips)
        return 2 * video.transpose(1, 2) - 1, alpha.transpose(1, 2)


def reconstruction_loss(decoded: Tensor, video: Tensor, alpha: Tensor, share: float) -> Tensor:
    """Squared error on the scale 0 to 1, more of it on sprites; early on two other terms help.

    The absolute error finds colours sooner, and the error of 4x4 means keeps large areas from
    settling on a grey of the right contrast. Both fade, since PSNR is what counts.
    """
    weight = 1 + (SPRITE_WEIGHT - 1) * alpha
    error = (decoded - video) / 2
    loss = (weight * error.square()).mean()
    coarse = nnf.avg_pool3d(error, (1, 4, 4)).square().mean()
    return loss + (1 - share) ** 2 * (0.1 * (weight * error.abs()).mean() + 2 * coarse)


@torch.no_grad()
def psnr(
    vae: Any, renderer: Renderer, count: int, split: Split = "val", seed: int = 2, batch: int = 32
) -> dict[str, float]:
    """PSNR in dB of the mean squared error over all pixels, and over those of objects."""
    videos = Videos(renderer, seed, split)
    frame = sprite = pixels = 0.0
    rounds = math.ceil(count / batch)
    for _ in range(rounds):
        video, alpha = videos.draw(min(batch, count))
        decoded = whole_sequence.decode(vae, whole_sequence.encode(vae, video)[0])
        error = ((decoded.clamp(-1, 1) - video) / 2).square().mean(1, keepdim=True)
        inside = (alpha > 0.5).float()
        frame += float(error.mean()) / rounds
        sprite += float((error * inside).sum())
        pixels += float(inside.sum())
    return {"psnr_frame": decibel(frame), "psnr_sprite": decibel(sprite / max(pixels, 1))}


def decibel(error: float) -> float:
    """PSNR of a mean squared error on the scale 0 to 1."""
    return round(-10 * math.log10(max(error, 1e-12)), 3)


@torch.no_grad()
def latent_statistics(vae: Any, videos: Videos, batches: int, batch: int = 32) -> tuple[Any, Any]:
    """Mean and deviation of each channel over many clips."""
    means, squares = [], []
    for _ in range(batches):
        latents = whole_sequence.encode(vae, videos.draw(batch)[0])[0].double()
        means.append(latents.mean((0, 2, 3, 4)))
        squares.append(latents.square().mean((0, 2, 3, 4)))
    mean = torch.stack(means).mean(0)
    deviation = (torch.stack(squares).mean(0) - mean.square()).clamp(min=1e-8).sqrt()
    return mean, deviation


def save(vae: Any, folder: Path, renderer: Renderer, batches: int) -> None:
    """Write diffusers' folder in half precision; the latents' scale goes into its configuration."""
    mean, deviation = latent_statistics(vae, Videos(renderer, seed=1), batches)
    vae = copy.deepcopy(vae).cpu()
    vae.register_to_config(
        latents_mean=[round(v, 5) for v in mean.tolist()],
        latents_std=[round(v, 5) for v in deviation.tolist()],
    )
    vae.half().save_pretrained(folder)


def load(folder: Path, device: torch.device) -> Any:
    """The VAE that `save` wrote, in full precision."""
    vae: Any = AutoencoderKLWan.from_pretrained(
        folder, torch_dtype=torch.float32, low_cpu_mem_usage=False
    )
    return vae.to(device).eval().requires_grad_(False)


def train(place: Place, args: argparse.Namespace, renderer: Renderer) -> Loop:
    """Train until the time is over."""
    torch.manual_seed(args.seed)
    vae = build(args.smoke)
    if args.start:
        vae.load_state_dict(load(args.start, torch.device("cpu")).state_dict())
    vae = vae.to(place.device)
    loop = Loop(
        vae,
        place,
        args.output,
        "vae",
        args.seconds,
        rate=args.rate,
        decay=0.998,
        resume=args.resume,
    )
    forward: Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]] = RoundTrip(vae)
    if not (args.smoke or args.no_compile):
        forward = torch.compile(forward)
    n = args.batch or (2 if args.smoke else 8)
    videos = Videos(renderer, 1000 * (args.seed + 1) + place.rank + 7 * loop.step)
    torch.manual_seed(args.seed + 1 + place.rank + loop.step)
    for share in loop:
        video, alpha = videos.draw(n)
        latent = (n, LATENT_CHANNELS, (video.shape[2] + 1) // 2, 16, 16)
        with place.autocast():
            decoded, mean, log_variance = forward(video, torch.randn(latent, device=place.device))
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        loss = reconstruction_loss(decoded, video, alpha, share) + KL_WEIGHT * kl
        error = ((decoded.detach() - video) / 2).square().mean(1, keepdim=True)
        loop.update(
            loss,
            mse=error.mean(),
            mse_sprite=(error * alpha).sum() / alpha.sum(),
            kl=kl,
        )
        if loop.every("measure", MEASURE_EVERY, at_once=False):
            loop.note(**psnr(loop.averaged, renderer, 64))
    return loop


def main() -> None:
    """Train, write, measure what was written."""
    parser = options("Train the causal video VAE of emoji-wan.")
    parser.add_argument("--start", type=Path, help="folder of the weights to begin with")
    parser.add_argument("--rate", type=float, default=1.2e-3, help="of AdamW, at its peak")
    args = parser.parse_args()
    place = join(args.device)
    renderer = Renderer(place.device)
    loop = train(place, args, renderer)
    leave(place)
    if not place.leads:
        return
    folder = args.output / "vae"
    temporary = args.output / "vae-being-written"
    save(loop.averaged, temporary, renderer, 1 if args.smoke else 16)
    stored = load(temporary, place.device)
    temporary.rename(folder)  # trainings that wait for it see it whole
    figures = psnr(stored, renderer, 2 if args.smoke else 512)
    write_report(folder / "report.json", loop, {**figures, "seed": args.seed})


if __name__ == "__main__":
    main()
