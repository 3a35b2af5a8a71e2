"""Time SMM on one pair of each embedded world, preset by preset, in one process.

python benchmark/perf/embedded_pair.py
python benchmark/perf/embedded_pair.py --presets emoji emoji-wan-fast --threads 2

Seconds are given on the clock and of the processor: on a busy machine compare only the latter.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import torch

from smmbench.dataset import load_dataset, source_video
from smmbench.diffusion.backbone import load_backbone
from smmbench.environment import choose_device
from smmbench.method import Source
from smmbench.method.parameters import build_parameters
from smmbench.running.description import describe_environment
from smmbench.smm import SMM

PRESETS = ("emoji", "emoji-fast", "emoji-wan", "emoji-wan-fast")


@dataclass(frozen=True)
class Seconds:
    """The cost of a pair.

    Attributes:
        prepare: Seconds to encode and invert the clip.
        transfer: Seconds to sample and decode.
        processor: Seconds of all cores, for both.
    """

    prepare: float
    transfer: float
    processor: float

    @property
    def whole(self) -> float:
        """Seconds of the whole pair."""
        return self.prepare + self.transfer


def measure(preset: str, device: str) -> Seconds:
    """Run the first pair of the world to which a preset belongs."""
    world = preset.removesuffix("-fast")
    backbone = load_backbone(world, device=device)
    dataset = load_dataset(world)
    clip = dataset.manifest.clips[0]
    video = source_video(dataset, clip)
    source = Source(clip.name, video, clip.prompt, other=lambda: video)
    method = SMM(build_parameters(SMM, preset), device, backbone)
    busy, began = time.process_time(), time.perf_counter()
    prepared = method.prepare(source)
    middle = time.perf_counter()
    method.transfer(prepared, clip.edits[0].prompt, 0)
    end = time.perf_counter()
    return Seconds(middle - began, end - middle, time.process_time() - busy)


def main() -> None:
    """Print each preset's seconds, and their ratio to the first preset."""
    parser = argparse.ArgumentParser(description="Time SMM on an embedded pair.")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--threads", type=int, help="threads of PyTorch (default: its own)")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    device = choose_device("auto")
    print(
        f"{describe_environment(device).device}, PyTorch {torch.__version__}, "
        f"{torch.get_num_threads()} threads"
    )
    print("| preset | prepare | transfer | pair | ratio | processor | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    first: Seconds | None = None
    for preset in asked.presets:
        found = measure(preset, device)
        first = first or found
        print(
            f"| `{preset}` | {found.prepare:.1f} s | {found.transfer:.1f} s | {found.whole:.1f} s "
            f"| {found.whole / first.whole:.2f} | {found.processor:.1f} s "
            f"| {found.processor / first.processor:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
