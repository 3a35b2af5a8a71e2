"""Low-rank changes of linear layers, one per clip, with peft.

peft adds its layers to the network that it receives, which is a shell of ours. In training it
supports one adapter for a whole batch, so the adapters of several clips are blocks of ranks in
one adapter, and each sample uses the block of its own clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from smmbench_baselines.one_clip.adapters import Adapter
from smmbench_baselines.one_clip.shell import Samples

NAME = "clip"
"""The adapter's name within peft."""

LoraLayers = dict[str, Any]
"""peft's layers, by their names in the network."""


def check_peft() -> None:
    """Raise an error if peft is not installed.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"This method needs the library peft ({error}): pip install 'smmbench[tuned]'."
        ) from error


def new_lora(network: nn.Module, layers: Sequence[str], rank: int, seed: int) -> Adapter:
    """An adapter that changes nothing yet: A is drawn as in peft, B is zero."""
    generator = Generator("cpu").manual_seed(seed)
    adapter: Adapter = {}
    for layer in layers:
        weight = network.get_submodule(layer).get_parameter("weight")
        out, into = weight.shape
        drawn = (2 * torch.rand(rank, into, generator=generator) - 1) / into**0.5
        adapter[f"{layer}.A"] = drawn.to(weight.device)
        adapter[f"{layer}.B"] = torch.zeros(out, rank, device=weight.device)
    return adapter


def add_lora(of_shell: nn.Module, adapters: Sequence[Adapter]) -> LoraLayers:
    """Add adapters to a shell: sample i of a batch is computed with adapter i, in float32.

    A batch may hold the samples several times in the same order. An adapter that occurs for
    several samples (the same object) takes one block.
    """
    from peft import LoraConfig, inject_adapter_in_model

    layers = sorted({name.rpartition(".")[0] for name in adapters[0]})
    unique = list({id(one): one for one in adapters}.values())
    place = {id(one): i for i, one in enumerate(unique)}
    rank = len(unique[0][f"{layers[0]}.A"])
    ranks = rank * len(unique)
    config = LoraConfig(r=ranks, lora_alpha=ranks, target_modules=layers, lora_dropout=0.0)
    inject_adapter_in_model(config, of_shell, NAME, low_cpu_mem_usage=True)  # no initialisation
    own = torch.eye(len(unique), device=next(of_shell.parameters()).device)
    mask = own[[place[id(one)] for one in adapters]]
    samples, added = Samples(of_shell), {}
    for name in layers:
        layer: Any = of_shell.get_submodule(name)
        low, high = layer.lora_A[NAME], layer.lora_B[NAME]
        low.weight = nn.Parameter(torch.cat([one[f"{name}.A"].float() for one in unique]))
        high.weight = nn.Parameter(torch.cat([one[f"{name}.B"].float() for one in unique], dim=1))
        low.register_forward_hook(partial(_own_block, mask=mask, samples=samples))
        added[name] = layer
    return added


def split_lora(layers: LoraLayers, rank: int) -> list[Adapter]:
    """Adapters of the clips, from the layers in which they were tuned."""
    adapters: list[Adapter] = []
    for name, layer in layers.items():
        low = layer.lora_A[NAME].weight.detach().split(rank)
        high = layer.lora_B[NAME].weight.detach().split(rank, dim=1)
        adapters = adapters or [{} for _ in low]
        for adapter, a, b in zip(adapters, low, high, strict=True):
            adapter |= {f"{name}.A": a.clone(), f"{name}.B": b.contiguous().clone()}
    return adapters


def lora_tensors(layers: LoraLayers) -> list[Tensor]:
    """The tensors to tune."""
    return [one[NAME].weight for layer in layers.values() for one in (layer.lora_A, layer.lora_B)]


def switch(layers: LoraLayers, on: bool, tuned: bool = True) -> None:
    """Switch the layers' adapters on or off; those that are on may be frozen."""
    for layer in layers.values():
        layer.enable_adapters(on)
    for tensor in lora_tensors(layers):
        tensor.requires_grad_(on and tuned)


def scale(layers: Mapping[str, Any], factor: float) -> None:
    """Multiply the layers' contributions by a factor."""
    for layer in layers.values():
        layer.scaling[NAME] = factor


def _own_block(
    _module: nn.Module,
    _inputs: Any,
    output: Float[Tensor, "*row ranks"],
    mask: Float[Tensor, "sample clip"],
    samples: Samples,
) -> Float[Tensor, "*row ranks"]:
    """Keep for each sample only the ranks of its own clip."""
    repeated = mask.repeat(samples.count // len(mask), 1)
    blocks = output.reshape(samples.count, -1, mask.shape[1], output.shape[-1] // mask.shape[1])
    return (blocks * repeated[:, None, :, None]).reshape_as(output)
