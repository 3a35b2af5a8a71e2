"""The machine: choosing a device, naming it, and measuring its memory."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

# Modules whose version may change a pixel or a score.
LIBRARIES = ("numpy", "av", "cv2", "torch", "open_clip", "diffusers", "transformers")


def choose_device(asked: str = "auto") -> str:
    """Give the device to compute on: `cpu`, `cuda`, `cuda:1`, `mps`.

    Args:
        asked: One of these, or `auto`: a GPU if there is one.

    Raises:
        ValueError: There is no such device here.
    """
    if asked == "cpu":
        return asked
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here = ["cpu", *(["cuda"] if cards else []), *(f"cuda:{n}" for n in range(cards))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if asked == "auto":
        return "cuda" if cards else here[-1]
    if asked not in here:
        raise ValueError(f"No device '{asked}' here; there is: {', '.join(here)}.")
    return asked


def use_tensor_cores(device: str) -> None:
    """Let an NVIDIA GPU multiply float32 as TF32, in matrices and convolutions; else do nothing.

    TF32 keeps float32's range and 10 bits of mantissa. It is several times as fast and changes a
    video by rounding, like another GPU does; records say it. `NVIDIA_TF32_OVERRIDE=0` in the
    environment forbids it.
    """
    if device.startswith("cuda"):
        import torch

        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True


def compute_deterministically() -> None:
    """Let PyTorch take kernels that give the same numbers each time, where it has such kernels.

    Slower. For the same bits it takes the same card, versions and batches too. cuBLAS reads its
    setting when it is first used, so this must come before anything is computed on a GPU. Where an
    operation has no deterministic kernel PyTorch warns and goes on: whether videos are the same is
    settled by their hashes. Records say that it was asked for.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def describe_device(device: str) -> str:
    """Name a device for the record: `cuda: NVIDIA H200`, `cpu: AMD EPYC 9454, 2 cores`."""
    if device.startswith("cuda"):
        import torch

        return f"cuda: {torch.cuda.get_device_name(device)}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{device}: {_processor()}, {cores} cores"


def library_versions(modules: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Version that each of these modules states of itself, of those that are imported already.

    A distribution's metadata may name another version than the module that computes: two
    distributions of OpenCV install the same module.
    """
    found = {name: getattr(sys.modules.get(name), "__version__", None) for name in modules}
    return {name: str(stated) for name, stated in found.items() if stated is not None}


def reset_peak_memory(device: str) -> None:
    """Begin to measure the peak of memory anew, where the system can."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes what is now


def peak_memory(device: str) -> int:
    """Bytes at the highest since the reset: the GPU's allocated memory, else the resident size.

    Where the resident peak cannot be reset (not Linux) it is that of the whole process so far;
    0 where the system does not tell.
    """
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return 0
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def synchronize(device: str) -> None:
    """Wait until the device has done what it was told, so that a clock may be read."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def free_memory(device: str) -> None:
    """Give back what a failed call has left, so that the next one has a chance."""
    import gc

    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
