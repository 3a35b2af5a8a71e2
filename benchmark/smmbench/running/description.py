"""The machine and the software that generated a video, as stated in its record."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from smmbench.environment import DISTRIBUTIONS, describe_device, library_versions
from smmbench.results import Environment

STRICT = 2
"""PyTorch's debug mode in which an operation without a deterministic kernel raises; 1 warns."""


def describe_environment(device: str, distribution: str = "", executor: str = "") -> Environment:
    """Describe machine and software.

    Args:
        device: The device on which the videos are generated.
        distribution: The distribution that contains the method.
        executor: `local` or `ray`; empty for videos that were generated elsewhere.
    """
    packages = {}
    for name in dict.fromkeys((*DISTRIBUTIONS, distribution)):
        try:
            packages[name] = version(name)
        except (PackageNotFoundError, ValueError):
            continue
    return Environment(
        device=describe_device(device),
        python=platform.python_version(),
        packages=packages,
        matmul=_matmul(device),
        libraries=library_versions(),
        executor=executor,
        deterministic=_deterministic(),
    )


def _deterministic() -> bool:
    """Whether only deterministic kernels may run; False while PyTorch is not fully loaded.

    A scoring thread may be importing it at the same time. In the mode that only warns, fused
    attention has gradients that are not deterministic.
    """
    mode = getattr(sys.modules.get("torch"), "get_deterministic_debug_mode", None)
    return mode is not None and bool(mode() == STRICT)


def _matmul(device: str) -> str:
    """How float32 is multiplied: `tf32`, or empty for full precision."""
    if not device.startswith("cuda") or os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return ""
    import torch

    return "tf32" if torch.get_float32_matmul_precision() == "high" else ""
