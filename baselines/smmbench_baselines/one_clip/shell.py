"""A tunable copy of a network: its own modules around the same weights.

Anything added to a shell (hooks, LoRA layers) disappears with it, and the original network is not
affected. A shell costs a few thousand small objects and no memory for weights.
"""

from __future__ import annotations

import copy
import re
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint


def shell(network: nn.Module) -> nn.Module:
    """Copy the modules of a network, but not its tensors.

    The parameters are new frozen ones that share the memory of the originals: a gradient never
    reaches the original network. They must not be modified. A `forward` that was set on a module
    itself is not copied, since it would call the original module.
    """
    shared: dict[int, Any] = {
        id(tensor): nn.Parameter(tensor.detach(), requires_grad=False)
        for tensor in network.parameters()
    }
    shared |= {id(tensor): tensor.detach() for tensor in network.buffers()}
    made = copy.deepcopy(network, shared)
    for module in made.modules():
        module.__dict__.pop("forward", None)
    return made


def checkpoint_blocks(of_shell: nn.Module) -> None:
    """Checkpoint the blocks of a shell, so that activations are recomputed in the backward pass.

    `UNet3DConditionModel` has no option for this, and transformers are treated in the same way.
    """
    untyped: Any = of_shell
    blocks = getattr(of_shell, "blocks", None) or getattr(of_shell, "transformer_blocks", None)
    for block in blocks or (*untyped.down_blocks, untyped.mid_block, *untyped.up_blocks):
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)


class Samples:
    """Number of samples in a shell's current pass: its layers fold time and space into the batch.

    Attributes:
        count: Number of samples of the current pass, or of the last one.
    """

    def __init__(self, of_shell: nn.Module) -> None:
        self.count = 0
        of_shell.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, _module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.count = len(inputs[0] if inputs else named["hidden_states"])


def linear_layers(network: nn.Module, pattern: str) -> tuple[str, ...]:
    """Names of the linear layers that match the regular expression.

    Raises:
        LookupError: No layer matches.
    """
    names = tuple(
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and re.search(pattern, name)
    )
    if not names:
        raise LookupError(
            f"The network has no linear layer like {pattern}; methods that are tuned on one clip "
            "need the attention layers of the 3D-UNet family."
        )
    return names
