"""Time SMM on one embedded pair, preset by preset, and one forward of its model.

python benchmark/perf/embedded_pair.py
python benchmark/perf/embedded_pair.py --plain  # the first preset on diffusers' own layers too
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import torch

from smmbench.dataset import load_dataset, source_video
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.denoiser import Denoiser, Latent
from smmbench.diffusion.folders import model_folder
from smmbench.diffusion.loading import load_network, load_schedule, load_tokenizer
from smmbench.environment import choose_device, describe_environment
from smmbench.method import Source
from smmbench.parameters import build_parameters
from smmbench.smm import SMM
from smmbench.video import Video

PRESETS = ("emoji", "emoji-fast")
FORWARDS = 9


class _Keeping(SMM):
    """SMM that remembers the latents of its last video."""

    last: Latent

    def videos(self, x: Latent, rates: Sequence[float]) -> list[Video]:
        self.last = x
        return super().videos(x, rates)


@dataclass(frozen=True)
class Row:
    """One pair: seconds, and what came out."""

    forward: float
    prepare: float
    transfer: float
    latents: np.ndarray
    frames: np.ndarray

    @property
    def whole(self) -> float:
        """Seconds in all."""
        return self.prepare + self.transfer


def main() -> None:
    """Print seconds to prepare, to transfer, in all, and the ratio to the first row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plain", action="store_true", help="measure diffusers' own layers too")
    plain = parser.parse_args().plain
    device = choose_device("auto")
    print(f"{describe_environment(device).device}, PyTorch {torch.__version__}")
    rows: list[Row] = []
    for preset, own in [*([(PRESETS[0], False)] if plain else []), *((p, True) for p in PRESETS)]:
        with get_context("spawn").Pool(1) as process:  # what a row sets up serves it alone
            row = process.apply(measure, (preset, own, device))
        rows.append(row)
        name = preset if own else f"{preset}, plain"
        print(
            f"{name:17} forward {row.forward:.3f} s  prepare {row.prepare:6.1f} s  "
            f"transfer {row.transfer:6.1f} s  in all {row.whole:6.1f} s  "
            f"ratio {row.whole / rows[0].whole:.2f}",
            flush=True,
        )
    if plain:
        compare(rows[0], rows[1])


def measure(preset: str, own: bool, device: str) -> Row:
    """One pair of the first clip."""
    backbone = load_backbone("emoji", device=device) if own else _plain(device)
    dataset = load_dataset("emoji")
    clip = dataset.manifest.clips[0]
    video = source_video(dataset, clip)
    source = Source(clip.name, video, clip.prompt, other=lambda: video)
    forward = _forward(backbone)
    method = _Keeping(build_parameters(SMM, preset), device, backbone)
    began = time.perf_counter()
    prepared = method.prepare(source)
    middle = time.perf_counter()
    result = method.transfer(prepared, clip.edits[0].prompt, 0)
    end = time.perf_counter()
    latents = method.last.cpu().numpy()
    return Row(forward, middle - began, end - middle, latents, result.frames)


def compare(plain: Row, own: Row) -> None:
    """Print how many times faster our layers are, and how far their results are."""
    for part in ("forward", "prepare", "transfer", "whole"):
        print(f"{part:9} {getattr(plain, part) / getattr(own, part):.2f} times faster")
    error = np.linalg.norm(own.latents - plain.latents) / np.linalg.norm(plain.latents)
    apart = np.abs(own.frames.astype(int) - plain.frames.astype(int))
    print(f"latents differ by {error:.1e} of their norm; frames by {apart.max()} of 255 at most")


def _plain(device: str) -> Backbone:
    folder = model_folder("emoji", "")
    parts = ("unet", "vae", "text_encoder")
    unet, vae, text = (load_network(folder, part, torch.float32).to(device) for part in parts)
    denoiser = Denoiser(unet, load_schedule(folder))
    return Backbone(denoiser, vae, text, load_tokenizer(folder), folder)


@torch.no_grad()
def _forward(backbone: Backbone) -> float:
    x = torch.randn(1, *backbone.latent_shape((16, 128, 128)), device=backbone.device)
    text = backbone.embed(["a dog in a forest"])
    seconds = []
    for _ in range(FORWARDS + 1):
        began = time.perf_counter()
        backbone.denoiser.predict(x, 500, text).x0.cpu()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])  # the first one warms up


if __name__ == "__main__":
    main()
