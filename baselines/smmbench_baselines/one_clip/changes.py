"""Full weight changes, one per clip, so that many clips are tuned and sampled in one batch.

A change is added to a layer's output: (W + D) x = W x + D x. It is initialised to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from smmbench_baselines.one_clip.adapters import Adapter
from smmbench_baselines.one_clip.shell import Samples

Changes = dict[str, Float[Tensor, "clip ..."]]
"""Changes, by the name of the weight or bias."""


def no_changes(network: nn.Module, layers: Sequence[str], clips: int) -> Changes:
    """Changes of zero, in float32, of all weights and biases of these layers."""
    return {
        f"{layer}.{name}": torch.zeros(clips, *tensor.shape, device=tensor.device)
        for layer in layers
        for name, tensor in network.get_submodule(layer).named_parameters()
    }


def together(adapters: Sequence[Adapter]) -> Changes:
    """Join the changes of several samples, in order."""
    return {name: torch.stack([one[name] for one in adapters]) for name in adapters[0]}


def one_by_one(changes: Changes, clips: int) -> list[Adapter]:
    """Split changes into one adapter per clip."""
    return [{name: x[i].detach().clone() for name, x in changes.items()} for i in range(clips)]


def apply_changes(of_shell: nn.Module, changes: Changes) -> None:
    """Change a shell permanently: sample i of a batch is computed with change i.

    A batch may hold the samples several times in the same order, as in classifier-free guidance.
    The changes keep their graph and are rounded to the network's precision when they are used.
    """
    samples = Samples(of_shell)
    for name, change in changes.items():
        layer, _, part = name.rpartition(".")
        add = _times if part == "weight" else _plus
        module = of_shell.get_submodule(layer)
        module.register_forward_hook(partial(_changed, add=add, change=change, samples=samples))


def _changed(
    _module: nn.Module, inputs: Any, output: Tensor, add: Any, change: Tensor, samples: Samples
) -> Tensor:
    """A linear layer's output, with each sample's own change."""
    repeated = change.to(output.dtype).repeat(
        samples.count // len(change), *(1 for _ in change.shape[1:])
    )
    x = inputs[0].reshape(samples.count, -1, inputs[0].shape[-1])
    return output + add(x, repeated).reshape_as(output)


def _times(
    x: Shaped[Tensor, "sample row wide"], weight: Shaped[Tensor, "sample narrow wide"]
) -> Shaped[Tensor, "sample row narrow"]:
    return torch.bmm(x, weight.mT)


def _plus(
    x: Shaped[Tensor, "sample row wide"], bias: Shaped[Tensor, "sample narrow"]
) -> Shaped[Tensor, "sample row narrow"]:
    return bias[:, None].expand(-1, x.shape[1], -1)
