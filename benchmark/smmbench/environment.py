"""The machine: choosing a device, naming it, and measuring its memory."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

# Distributions whose version may change a pixel or a score.
DISTRIBUTIONS = (
    "smmbench",
    "torch",
    "diffusers",
    "transformers",
    "open_clip_torch",
    "numpy",
    "av",
    "opencv-python-headless",
)
# The modules of these; two distributions may install one of the same name.
LIBRARIES = ("numpy", "av", "cv2", "torch", "open_clip", "diffusers", "transformers")


def choose_device(asked: str = "auto") -> str:
    """Give the device to compute on: `cpu`, `cuda`, `cuda:1`, `mps`.

    Args:
        asked: One of these, or `auto`, which selects a GPU if there is one.

    Raises:
        ValueError: This machine has no such device.
    """
    if asked == "cpu" or (asked == "auto" and "torch" not in sys.modules and not _may_have_gpu()):
        return "cpu"  # without PyTorch, which takes seconds to load
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here = ["cpu", *(["cuda"] if cards else []), *(f"cuda:{n}" for n in range(cards))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if asked == "auto":
        return "cuda" if cards else here[-1]
    if asked not in here:
        raise ValueError(f"No device '{asked}' here; available: {', '.join(here)}.")
    return asked


def use_tensor_cores(device: str) -> None:
    """Allow TF32 for matrix products and convolutions on an NVIDIA GPU; otherwise do nothing.

    TF32 has the range of float32 and 10 bits of mantissa. It is several times as fast and changes
    a video by rounding, as another GPU does; records state it. Set `NVIDIA_TF32_OVERRIDE=0` in
    the environment to disable it.
    """
    if device.startswith("cuda"):
        import torch

        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True


def compute_deterministically() -> None:
    """Make PyTorch use deterministic kernels only.

    This is slower. Identical bits also require the same GPU model, versions and batches. cuBLAS
    reads its setting on first use, so call this before anything is computed on a GPU. An operation
    without a deterministic kernel raises `RuntimeError`. PyTorch could warn and continue instead,
    but in that mode the gradients of its fused attention kernels are not deterministic either.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def describe_device(device: str) -> str:
    """Name a device for the record: `cuda: NVIDIA H200`, `cpu: AMD EPYC 9454, 2 cores`."""
    if device.startswith("cuda"):
        import torch

        return f"cuda: {torch.cuda.get_device_name(device)}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{device}: {_processor()}, {cores} cores"


def library_versions(modules: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Return the version that each of these modules reports, if it is already imported.

    A distribution's metadata may name another version than the module that computes: two
    distributions of OpenCV install the same module.
    """
    found = {name: getattr(sys.modules.get(name), "__version__", None) for name in modules}
    return {name: str(stated) for name, stated in found.items() if stated is not None}


def reset_peak_memory(device: str) -> None:
    """Reset the measured peak of memory, if the system supports it."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes what is now


def peak_memory(device: str) -> int:
    """Return the peak memory in bytes since the reset: GPU memory, else the resident size.

    Where the resident peak cannot be reset (systems other than Linux), it is the peak of the whole
    process so far; 0 where the system does not report one.
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
    """Wait until the device has finished its work, so that times are measured correctly."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def free_memory(device: str) -> None:
    """Free the memory that a failed call has left behind, so that the next one may succeed."""
    import gc

    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def _may_have_gpu() -> bool:
    """Whether PyTorch could find a GPU here: on Linux, whether there is a device file of one."""
    if not sys.platform.startswith("linux"):
        return True
    kinds = ("nvidia*", "nvhost*", "nvmap", "kfd", "dxg")  # NVIDIA, Jetson, AMD, Windows' Linux
    return any(next(Path("/dev").glob(kind), None) for kind in kinds)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
