"""The gradient of a convolution's input: cuDNN's own compared with turned weights.

    python benchmark/perf/turned_weights.py

Channels-last, 24 frames of 72x40 positions at 320 channels and as many values at other widths;
float16, and float32 with TensorFloat-32. Prints a table of milliseconds; needs a GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch.nn.grad import conv2d_input
from torch.utils.benchmark import Timer

from smmbench.diffusion.acceleration.convolutions import by_turned_weights
from smmbench.environment import use_tensor_cores

CHANNELS = (64, 128, 192, 320, 640, 960, 1280)
KERNELS = {"3x3": (3, 3), "over time": (3, 1)}
VALUES = 24 * 72 * 40 * 320


def milliseconds(run: Callable[[], object]) -> float:
    """Median of several runs, without the first."""
    run()
    timer = Timer("run()", globals={"run": run})
    return 1e3 * timer.blocked_autorange(min_run_time=0.1).median


def row(channels: int, dtype: torch.dtype) -> list[str]:
    """Both ways for both kernels at one width."""
    cells = [f"{channels:,}", str(dtype).removeprefix("torch.")]
    frames, columns = 24, 40
    rows = max(8, VALUES // (channels * frames * columns))
    for kernel in KERNELS.values():
        padding = tuple(k // 2 for k in kernel)
        # Over time, an image is time x place: as many values in another shape.
        size = (frames, rows, columns) if kernel == (3, 3) else (1, frames, rows * columns)
        slope = torch.randn(size[0], channels, *size[1:], device="cuda", dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )
        weight = torch.randn(channels, channels, *kernel, device="cuda", dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )
        own = milliseconds(partial(conv2d_input, slope.shape, weight, slope, (1, 1), padding))
        turned = milliseconds(partial(by_turned_weights, slope, weight, padding))
        cells += [f"{own:.3f}", f"{turned:.3f}", f"{own / turned:.2f}"]
    return cells


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    use_tensor_cores("cuda")
    heads = [f"{kernel}, {what}" for kernel in KERNELS for what in ("own", "turned", "ratio")]
    print(torch.cuda.get_device_name(), torch.__version__)
    print(f"| channels | | {' | '.join(heads)} |")
    print("|--:|---|" + "--:|" * len(heads))
    for dtype in (torch.float16, torch.float32):
        for channels in CHANNELS:
            print(f"| {' | '.join(row(channels, dtype))} |", flush=True)


if __name__ == "__main__":
    main()
