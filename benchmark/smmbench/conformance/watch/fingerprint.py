"""Detect changes: digests of everything that an object contains, by location."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

from smmbench.conformance.watch.walking import leaves, networks

LARGE = 2**22
"""Elements above which a tensor is summed where it lies instead of hashed on the CPU."""


def fingerprint(thing: Any) -> dict[str, str]:
    """A digest of every value within an object, networks too, by its place."""
    digests: dict[str, str] = {}
    for place, leaf in leaves(thing):
        if isinstance(leaf, torch.nn.Module):
            digests |= {f"{place}: {name}": told for name, told in network_state(leaf).items()}
        else:
            digests[place] = _digest(leaf)
    return digests


def network_fingerprint(thing: Any) -> dict[str, str]:
    """A digest of every network within an object: weights, hooks, modes, layers."""
    return {
        f"{place}: {name}": told
        for place, network in networks(thing).items()
        for name, told in network_state(network).items()
    }


def network_state(network: torch.nn.Module) -> dict[str, str]:
    """What of a network should stay as it was found, by what it is."""
    state = {f"weights '{name}'": _digest(one) for name, one in network.state_dict().items()}
    state |= {
        f"buffer '{name}'": _digest(one)
        for name, one in network.named_buffers()
        if f"weights '{name}'" not in state  # those that are not saved
    }
    state |= {
        f"requires_grad of '{name}'": str(one.requires_grad)
        for name, one in network.named_parameters()
    }
    for name, layer in network.named_modules():
        state[f"layer '{name}'"] = type(layer).__qualname__
        state[f"training mode of '{name}'"] = str(layer.training)
        hooks = [
            key  # each hook has a number of its own
            for kind in (
                "_forward_hooks",
                "_forward_pre_hooks",
                "_backward_hooks",
                "_backward_pre_hooks",
            )
            for key in (getattr(layer, kind, None) or ())
        ]
        state[f"hooks on '{name}'"] = str(hooks)
        processor = vars(layer).get("processor")  # of diffusers' attentions
        state[f"processor of '{name}'"] = f"{type(processor).__qualname__} {id(processor)}"
        own = vars(layer).get("forward")
        state[f"forward of '{name}'"] = "its class's" if own is None else str(id(own))
    return state


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Places whose digest differs, came or went, in order."""
    return [
        place for place in dict.fromkeys([*before, *after]) if before.get(place) != after.get(place)
    ]


def some(places: list[str], most: int = 3) -> str:
    """A few of them in words."""
    shown = ", ".join(place or "the value itself" for place in places[:most])
    return shown + (f" and {len(places) - most} more" if len(places) > most else "")


def _digest(leaf: Any) -> str:
    if isinstance(leaf, torch.Tensor):
        return _of_tensor(leaf.detach())
    if isinstance(leaf, np.ndarray):
        if leaf.dtype.hasobject:
            return hashlib.sha256(repr(leaf.tolist()).encode()).hexdigest()
        content = np.ascontiguousarray(leaf).tobytes()
        return f"{leaf.dtype}{leaf.shape}{hashlib.sha256(content).hexdigest()}"
    if isinstance(leaf, np.random.Generator):
        return repr(leaf.bit_generator.state)
    if isinstance(leaf, torch.Generator):
        return hashlib.sha256(leaf.get_state().numpy().tobytes()).hexdigest()
    return f"{type(leaf).__name__}: {leaf!r}"


def _of_tensor(tensor: torch.Tensor) -> str:
    about = f"{tensor.dtype}{tuple(tensor.shape)}"
    if tensor.device.type == "meta" or tensor.layout != torch.strided or not tensor.numel():
        return about
    content = tensor.contiguous().reshape(-1).view(torch.uint8)
    if tensor.numel() > LARGE:
        total, third = (part.sum(dtype=torch.int64).item() for part in (content, content[::3]))
        return f"{about} {total} {third}"
    return f"{about} {hashlib.sha256(content.cpu().numpy().tobytes()).hexdigest()}"
