"""Access features inside a network by layer name, without changing the network.

with capture(unet, ("up_blocks.1.temp_convs.1",), stop=True) as features:
    unet(x, t, encoder_hidden_states=text)
features["up_blocks.1.temp_convs.1"]
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn


class _Stop(Exception):
    """Ends a forward pass; `owner` distinguishes nested captures."""

    def __init__(self, owner: object) -> None:
        self.owner = owner


@contextmanager
def capture(
    network: nn.Module, layers: Sequence[str], stop: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Collect the outputs of named layers while the body runs the network.

    Outputs keep their graph. For a layer that runs more than once, the last output is kept. Hooks
    are removed on exit, whatever happens.

    Args:
        network: Any module.
        layers: Dotted names as in `network.named_modules()`.
        stop: End the forward pass once every layer has run. The rest of the body is skipped too,
            so the call of the network should be its last line.

    Yields:
        Outputs by name, filled while the body runs.

    Raises:
        LookupError: There is no such layer (the message suggests others), or one did not run.
    """
    modules = find_layers(network, layers)
    features: dict[str, Tensor] = {}
    owner = object()

    with ExitStack() as hooks:
        for layer, module in modules.items():

            def keep(_module: nn.Module, _inputs: Any, output: Any, layer: str = layer) -> None:
                features[layer] = _tensor(output, layer)
                if stop and len(features) == len(modules):
                    raise _Stop(owner)

            hooks.callback(module.register_forward_hook(keep).remove)
        try:
            yield features
        except _Stop as signal:
            if signal.owner is not owner:
                raise
            # Its frames keep activations and one another alive until the next garbage collection.
            signal.__traceback__ = None
    if missed := [layer for layer in layers if layer not in features]:
        raise LookupError(f"The network did not run these layers: {', '.join(missed)}.")


def find_layers(network: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """The layers with these names.

    Raises:
        LookupError: There is no such layer; the message suggests similar names.
        ValueError: No names are given.
    """
    if not layers:
        raise ValueError("Name at least one layer to capture.")
    modules = dict(network.named_modules())
    for layer in layers:
        if layer not in modules:
            near = difflib.get_close_matches(layer, modules, n=4, cutoff=0.4)
            raise LookupError(
                f"The network has no layer '{layer}'; near names: {', '.join(near) or 'none'}."
            )
    return {layer: modules[layer] for layer in layers}


def _tensor(output: Any, layer: str) -> Tensor:
    """The tensor of a layer's output, which transformer blocks wrap in a tuple."""
    first = output[0] if isinstance(output, tuple) and output else output
    if not isinstance(first, Tensor):
        raise LookupError(f"The layer '{layer}' returns no tensor but {type(output).__name__}.")
    return first
