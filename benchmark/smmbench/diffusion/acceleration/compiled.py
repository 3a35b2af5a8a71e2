"""A network compiled: a UNet for its whole passes without gradients, a transformer block by block.

The blocks of a transformer are alike, so that one compiled block serves them all, forwards and
backwards; layers between blocks stay as they are, and hooks on blocks see what they always saw.
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
        RuntimeError: This machine has no compiler to do it with.
    """
    check_compiler(device)
    untyped: Any = torch
    return untyped.compile(unet, dynamic=False)


def compile_blocks(network: nn.Module, device: torch.device, run: Run) -> None:
    """Compile the blocks of a transformer that is nobody else's, in place and lazily.

    Args:
        network: The transformer.
        device: Where it is.
        run: How a block is run; see `set_forward`.

    Raises:
        RuntimeError: This machine has no compiler to do it with.
    """
    check_compiler(device)
    untyped: Any = torch
    faster = untyped.compile(run, dynamic=False)
    for module in network.modules():
        if isinstance(module, BLOCKS):
            set_forward(module, faster)


def check_compiler(device: torch.device) -> None:
    """Refuse to compile where there is nothing to do it with.

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
            "compile needs a C++ compiler on the CPU and there is none (g++, clang++): install "
            "one, or leave compile=false."
        )
