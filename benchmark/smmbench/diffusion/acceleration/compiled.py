"""A network compiled for its whole forward passes without gradients."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn


def compiled(unet: nn.Module, device: torch.device) -> nn.Module:
    """Compile lazily: the first forward pass of each shape takes minutes, later ones are faster.

    Raises:
        RuntimeError: This machine has no compiler to do it with.
    """
    if device.type == "cuda" and find_spec("triton") is None:
        raise RuntimeError(
            "compile needs Triton, which is not installed here: pip install triton, or leave "
            "compile=false."
        )
    if device.type == "cpu" and not (shutil.which("g++") or shutil.which("clang++")):
        raise RuntimeError(
            "compile needs a C++ compiler on the CPU and there is none (g++, clang++): install "
            "one, or leave compile=false."
        )
    untyped: Any = torch
    return untyped.compile(unet, dynamic=False)
