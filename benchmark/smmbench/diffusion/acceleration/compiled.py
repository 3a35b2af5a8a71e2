"""Compilation: a UNet for its passes without gradients, a transformer block by block.

The blocks of a transformer are alike, so one compiled block serves them all, forwards and
backwards. Layers between blocks are unchanged, and hooks on blocks see the same tensors as before.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from smmbench.diffusion.acceleration.checkpointing import BLOCKS, Run, set_forward


def compiled(unet: nn.Module, device: torch.device) -> nn.Module:
    """Compile lazily: the first forward pass of each shape takes minutes, later ones are faster.

    Raises:
        RuntimeError: This machine has no suitable compiler.
    """
    check_compiler(device)
    untyped: Any = torch
    return untyped.compile(unet, dynamic=False)


def compile_blocks(network: nn.Module, device: torch.device, run: Run) -> None:
    """Compile the blocks of a transformer that belongs to the caller alone, in place and lazily.

    Args:
        network: The transformer.
        device: Where it is.
        run: How a block runs; see `set_forward`.

    Raises:
        RuntimeError: This machine has no suitable compiler.
    """
    check_compiler(device)
    untyped: Any = torch
    faster = untyped.compile(run, dynamic=False)
    for module in network.modules():
        if isinstance(module, BLOCKS):
            set_forward(module, faster)


def check_compiler(device: torch.device) -> None:
    """Refuse to compile where no suitable compiler is installed.

    Raises:
        RuntimeError: This machine has no compiler.
    """
    if device.type == "cuda" and find_spec("triton") is None:
        raise RuntimeError(
            "compile needs Triton, which is not installed here: pip install triton, or leave "
            "compile=false."
        )
    if device.type == "cpu" and not (shutil.which("g++") or shutil.which("clang++")):
        raise RuntimeError(
            "compile needs a C++ compiler on the CPU, and none was found (g++, clang++): install "
            "one, or set compile=false."
        )
