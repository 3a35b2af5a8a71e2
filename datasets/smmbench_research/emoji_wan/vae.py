r"""Train the causal video VAE: 17 frames of 128x128 to 9 latent frames of 16 channels, 16x16.

    torchrun --nproc-per-node 2 -m smmbench_research.emoji_wan.vae --seconds 260 --output DIR

Writes `DIR/vae/`, an `AutoencoderKLWan` of diffusers in half precision, with report.json. It has
one temporal downsampling (a factor of 2; Wan 2.1 has 4): layers before it see single frames, and
layers after it are causal in time. It trains in the form of `whole_sequence`; a test checks that
both forms are equal. Most steps see a window of 64x64 around an object through all frames, which is
a quarter of the pixels and most of the error; the last part of the time sees whole clips.
`--weights` starts from published weights, and `--anchor` then keeps the latents near those that a
transformer was trained on.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as nnf
from diffusers import AutoencoderKLWan
from torch import Tensor

from smmbench_datasets.emoji.sampling import Split
from smmbench_datasets.emoji_wan.world import Clips, Renderer, sample
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report
from smmbench_research.emoji_wan import whole_sequence

LATENT_CHANNELS, TEMPORAL_FACTOR = 16, 2
SPRITE_WEIGHT = 4.0  # weight of a sprite's pixel; the background has 1
KL_WEIGHT = 3e-6  # keeps the latents in a smooth range; the configuration states their scale
MEASURE_EVERY = 60.0  # seconds
LOT = 2048  # clips; drawing many costs the CPU little more than drawing ten
WINDOW, JITTER = 64, 16  # pixels: side of a window, and its maximum offset from its object


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
    """Draws an endless sequence of whole clips, determined by the seed."""

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


class Stock:
    """Clips rendered once and kept as bytes on the device, where batches are drawn from them.

    Args:
        renderer: The renderer.
        seed: Seed of the clips.
        count: Number of clips.

    Attributes:
        pixels: Red, green, blue and the alpha of the objects, (clips, 4, time, height, width).
        centres: Centres of both objects in each frame, (x, y); a single object's centre twice.
    """

    def __init__(self, renderer: Renderer, seed: int, count: int, chunk: int = 64) -> None:
        generator = torch.Generator().manual_seed(seed)
        pixels, centres = [], []
        for start in range(0, count, LOT):
            lot = sample(min(LOT, count - start), generator)
            alone = (lot.other < 0)[:, None, None]
            both = torch.stack([lot.path, torch.where(alone, lot.path, lot.other_path)], 1)
            centres.append(both.to(renderer.device))
            for first in range(0, len(lot), chunk):
                parts = renderer.render_with_alpha(lot.take(slice(first, first + chunk)))
                scaled = torch.cat(parts, 2).transpose(1, 2).mul(255).round_()
                pixels.append(scaled.byte())
        self.pixels, self.centres = torch.cat(pixels), torch.cat(centres)

    def draw(self, n: int, window: int | None = None) -> tuple[Tensor, Tensor]:
        """Videos (n, 3, time, height, width), -1 to 1, and the alpha of their objects.

        Args:
            n: Number of videos.
            window: Side of a square that is fixed through all frames, around an object at some
                time; None for whole clips.
        """
        device, (count, _, time, height, width) = self.pixels.device, self.pixels.shape
        index = torch.randint(count, (n,), device=device)
        if window is None:
            found = self.pixels[index]
        else:
            which = torch.randint(2, (n,), device=device)
            frame = torch.randint(time, (n,), device=device)
            away = (2 * torch.rand(n, 2, device=device) - 1) * JITTER
            corner = (self.centres[index, which, frame] + away - window / 2).round().long()
            side = torch.arange(window, device=device)
            x = corner[:, :1].clamp(0, width - window) + side
            y = corner[:, 1:].clamp(0, height - window) + side
            cut = self.pixels[index[:, None, None], :, :, y[:, :, None], x[:, None]]
            found = cut.permute(0, 3, 4, 1, 2)
        video, alpha = found.split([3, 1], 1)
        return video.float() / 127.5 - 1, alpha.float() / 255


def reconstruction_loss(decoded: Tensor, video: Tensor, alpha: Tensor, fading: Tensor) -> Tensor:
    """Squared error on the scale 0 to 1, with more weight on sprites and two early terms.

    The absolute error finds colours sooner, and the error of 4x4 means keeps large areas from
    settling on a grey of the right contrast. Both fade, since PSNR is what counts: `fading` is
    their weight, 1 at first.
    """
    weight = 1 + (SPRITE_WEIGHT - 1) * alpha
    error = (decoded - video) / 2
    loss = (weight * error.square()).mean()
    coarse = nnf.avg_pool3d(error, (1, 4, 4)).square().mean()
    return loss + fading * (0.1 * (weight * error.abs()).mean() + 2 * coarse)


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
    """Write diffusers' folder in half precision, with the latents' scale in its configuration."""
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
    """Train until time runs out."""
    torch.manual_seed(args.seed)
    vae = build(args.smoke)
    if args.weights:
        stored = load(args.weights, torch.device("cpu"))
        vae.load_state_dict(stored.state_dict())
        vae.register_to_config(latents_std=stored.config.latents_std)
    vae = vae.to(place.device)
    fuse = place.device.type == "cuda" and not args.no_compile
    if fuse:
        whole_sequence.fuse()
    began = time.monotonic()
    stock = Stock(renderer, 1000 * (args.seed + 1) + place.rank, args.clips)
    print(f"rendered {args.clips} clips in {time.monotonic() - began:.0f} s", flush=True)
    loop = Loop(
        vae,
        place,
        args.output,
        "vae",
        args.seconds,
        rate=args.rate,
        decay=0.999,
        resume=args.resume,
    )
    known = copy.deepcopy(vae).requires_grad_(False) if args.weights and args.anchor else None
    deviation = torch.tensor(vae.config.latents_std, device=place.device).view(1, -1, 1, 1, 1)
    torch.manual_seed(args.seed + 1 + place.rank + loop.step)

    def compute(n: int, window: int | None) -> dict[str, Tensor]:
        video, alpha = stock.draw(n, window)
        with place.autocast():
            mean, log_variance = whole_sequence.encode(vae, video)
            noise = torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            decoded = whole_sequence.decode(vae, mean + noise)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        fading = torch.zeros_like(loop.clock) if args.weights else (1 - loop.clock).square()
        loss = reconstruction_loss(decoded, video, alpha, fading) + KL_WEIGHT * kl
        error = ((decoded.detach() - video) / 2).square().mean(1, keepdim=True)
        inside = (error * alpha).sum() / alpha.sum().clamp(min=1)
        figures = {"mse": error.mean(), "mse_sprite": inside, "kl": kl}
        if known is not None:
            with torch.no_grad(), place.autocast():
                before = whole_sequence.encode(known, video[: -(-n // 4)])[0]
            away = ((mean[: len(before)] - before) / deviation).square().mean()
            loss, figures["away"] = loss + args.anchor * away, away
        return {"loss": loss, **figures}

    n = args.batch or (2 if args.smoke else 16)
    step_of = {
        window: loop.record(partial(compute, max(1, n // 2) if window is None else n, window))
        for window in (WINDOW, None)
    }
    for share in loop:
        step_of[WINDOW if share < args.windows else None]()
        if loop.every("measure", MEASURE_EVERY, at_once=False):
            loop.note(**psnr(loop.averaged, renderer, 64))
    return loop


def main() -> None:
    """Train the VAE, write it, and measure what was written."""
    parser = options("Train the causal video VAE of emoji-wan.")
    parser.add_argument("--weights", type=Path, help="folder of the weights to begin with")
    parser.add_argument("--rate", type=float, default=1.2e-3, help="of AdamW, at its peak")
    parser.add_argument("--clips", type=int, help="rendered a process, once (default: 8192)")
    parser.add_argument(
        "--windows", type=float, default=0.7, help="share of the time on windows around objects"
    )
    parser.add_argument(
        "--anchor",
        type=float,
        default=0.0,
        help="with --weights: weight of how far latents move, in squared deviations",
    )
    args = parser.parse_args()
    args.clips = args.clips or (4 if args.smoke else 8192)
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
    temporary.rename(folder)  # other trainings wait for a complete folder
    figures = psnr(stored, renderer, 2 if args.smoke else 512)
    write_report(folder / "report.json", loop, {**figures, "seed": args.seed})


if __name__ == "__main__":
    main()
