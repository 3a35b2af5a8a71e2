"""How a network that belongs to the caller alone is accelerated, by family, size and device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import nn

from smmbench.diffusion.acceleration.checkpointing import (
    checkpoint_all_but_attention,
    checkpoint_layers,
    keeping_attention,
)
from smmbench.diffusion.acceleration.compiled import compile_blocks, compiled
from smmbench.diffusion.acceleration.float8 import float8_blocks
from smmbench.diffusion.acceleration.graphs import Graphs, graphs_of
from smmbench.diffusion.acceleration.layout import channels_last
from smmbench.diffusion.acceleration.memory import Economy
from smmbench.diffusion.families import Family, UNet3D

LARGE = 3e8
"""Number of weights from which a transformer's kernels run so long that recording gains nothing."""


@dataclass(frozen=True, eq=False)
class Own:
    """How a network runs; see `Denoiser`.

    Attributes:
        compiled: The network compiled as a whole.
        sequential: Whether the halves of guidance run one after the other.
        graphs: Recordings of its passes.
        spare: Measures that save memory.
    """

    compiled: nn.Module | None
    sequential: bool
    graphs: Graphs | None
    spare: Economy


def make_own(
    network: nn.Module, family: Family, low_memory: bool, compile: bool, float8: bool = False
) -> Own:
    """Change a network in place; its results stay the same up to rounding.

    Args:
        network: Frozen, and on the device where it will run.
        family: What kind of network it is.
        low_memory: From the start, recompute layers for gradients and run guidance in halves.
        compile: Compile it.
        float8: Round linear layers to 8 bits, which changes results.

    Raises:
        RuntimeError: It cannot be compiled or rounded on this device.
    """
    if float8:
        if isinstance(family, UNet3D):
            raise RuntimeError(f"float8 is for transformers only, not for a {family.title}.")
        float8_blocks(network, next(network.parameters()).device)
    of = _own_unet if isinstance(family, UNet3D) else _own_transformer
    return of(network, low_memory, compile)


def _own_unet(network: nn.Module, low_memory: bool, compile: bool) -> Own:
    """On a GPU, make layers channels-last and record passes, which have over a thousand kernels.

    Where memory runs out, layers are recomputed, and finally nothing is recorded.
    """
    device = next(network.parameters()).device
    if device.type == "cuda":
        channels_last(network)
    if low_memory:
        checkpoint_layers(network)
    whole = compiled(network, device) if compile else None
    graphs = graphs_of(network)
    steps = [] if low_memory else [_recompute(network, graphs)]
    return Own(whole, low_memory or compile, graphs, Economy(*steps, *_unrecorded(graphs)))


def _own_transformer(network: nn.Module, low_memory: bool, compile: bool) -> Own:
    """Checkpoint the blocks of a large transformer, keeping their inputs and attention outputs.

    At that size, running the halves of guidance together gains nothing. Small ones are recorded.
    """
    device = next(network.parameters()).device
    large = sum(one.numel() for one in network.parameters()) >= LARGE
    if large or low_memory:
        checkpoint_all_but_attention(network)
    if compile:
        compile_blocks(network, device, keeping_attention)
    graphs = None if large or compile else graphs_of(network)
    spare = Economy(_recompute(network, graphs), *_unrecorded(graphs))
    whole = network if compile else None  # its blocks are compiled
    return Own(whole, low_memory or compile or large, graphs, spare)


def _recompute(network: nn.Module, graphs: Graphs | None) -> tuple[str, partial[None]]:
    words = (
        "layers are recomputed for gradients and the halves of guidance run one after the "
        "other: slower, and the same up to rounding"
    )
    return words, partial(_forget_and_recompute, network, graphs)


def _forget_and_recompute(network: nn.Module, graphs: Graphs | None) -> None:
    if graphs is not None:
        graphs.forget()
    checkpoint_layers(network)


def _unrecorded(graphs: Graphs | None) -> list[tuple[str, partial[None]]]:
    if graphs is None:
        return []
    return [("passes of the network are not recorded: slower, and the same", partial(graphs.stop))]
