"""Time SMM on one embedded pair, preset by preset, and one forward of its model.

python benchmark/perf/embedded_pair.py
"""

from __future__ import annotations

import statistics
import time

import torch

from smmbench.dataset import load_dataset, source_video
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.environment import choose_device
from smmbench.method import Source
from smmbench.method.parameters import build_parameters
from smmbench.running.description import describe_environment
from smmbench.smm import SMM

PRESETS = ("emoji", "emoji-fast")
FORWARDS = 9


def main() -> None:
    """Print seconds to prepare, to transfer, in all, and the ratio to the first preset."""
    device = choose_device("auto")
    backbone = load_backbone("emoji", device=device)
    dataset = load_dataset("emoji")
    clip = dataset.manifest.clips[0]
    video = source_video(dataset, clip)
    source = Source(clip.name, video, clip.prompt, other=lambda: video)
    print(f"{describe_environment(device).device}, PyTorch {torch.__version__}")
    print(f"one forward, median of {FORWARDS}: {_forward(backbone):.2f} s")
    first = 0.0
    for preset in PRESETS:
        method = SMM(build_parameters(SMM, preset), device, backbone)
        began = time.perf_counter()
        prepared = method.prepare(source)
        middle = time.perf_counter()
        method.transfer(prepared, clip.edits[0].prompt, 0)
        end = time.perf_counter()
        first = first or end - began
        print(
            f"{preset:12} prepare {middle - began:6.1f} s  transfer {end - middle:6.1f} s  "
            f"in all {end - began:6.1f} s  ratio {(end - began) / first:.2f}",
            flush=True,
        )


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
