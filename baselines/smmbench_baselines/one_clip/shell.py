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

    The parameters are new frozen ones that share the memory of the old: a gradient never reaches
    the network that was given. Nobody may write into them. A `forward` that was set on a module
    itself is left behind, since it would call the module that it was set on.
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
    """Let the blocks of a shell forget their activations and compute them again going back.

    `UNet3DConditionModel` has no switch for this, and transformers are done alike.
    """
    untyped: Any = of_shell
    blocks = getattr(of_shell, "blocks", None) or getattr(of_shell, "transformer_blocks", None)
    for block in blocks or (*untyped.down_blocks, untyped.mid_block, *untyped.up_blocks):
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)


class Samples:
    """How many samples are in a shell just now: its layers fold time and space into the batch.

    Attributes:
        count: Samples of the pass that runs, or of the last.
    """

    def __init__(self, of_shell: nn.Module) -> None:
        self.count = 0
        of_shell.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, _module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.count = len(inputs[0] if inputs else named["hidden_states"])


def linear_layers(network: nn.Module, pattern: str) -> tuple[str, ...]:
    """Names of the linear layers in which the regular expression is found.

    Raises:
        LookupError: There is none.
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
