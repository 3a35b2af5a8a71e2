"""Going through what an object holds: arrays, tensors, networks, generators, plain values."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import torch

PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None), PurePath)
LEAVES = (*PLAIN, np.ndarray, np.generic, np.random.Generator, torch.Tensor, torch.Generator)
OPAQUE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
DEEPEST = 12


def leaves(thing: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Everything within an object that has a value, with its place: `latents[0].x`.

    Attributes, slots, items and fields are followed, each object once and at most `DEEPEST` deep; a
    network (`torch.nn.Module`) is given whole. Functions, classes and modules have no value here.
    """
    seen: set[int] = set()
    waiting: deque[tuple[str, Any, int]] = deque([(name, thing, 0)])
    while waiting:
        place, one, depth = waiting.popleft()
        if isinstance(one, (*LEAVES, torch.nn.Module)):
            if isinstance(one, PLAIN) or id(one) not in seen:
                seen.add(id(one))
                yield place, one
        elif not isinstance(one, OPAQUE) and id(one) not in seen and depth < DEEPEST:
            seen.add(id(one))
            waiting.extend((inner, value, depth + 1) for inner, value in _parts(place, one))


def held_bytes(thing: Any) -> int:
    """Bytes of all arrays, tensors and byte strings within an object; shared memory once."""
    memory: dict[tuple[str, int], int] = {}
    for _, leaf in leaves(thing):
        if isinstance(leaf, np.ndarray):
            owner = leaf
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            memory["host", id(owner)] = owner.nbytes
        if isinstance(leaf, (bytes, bytearray)):
            memory["host", id(leaf)] = len(leaf)
        tensors = [leaf] if isinstance(leaf, torch.Tensor) else []
        if isinstance(leaf, torch.nn.Module):
            tensors = [*leaf.parameters(), *leaf.buffers()]
        for tensor in tensors:
            storage = tensor.untyped_storage()
            memory[str(tensor.device), storage.data_ptr()] = storage.nbytes()
    return sum(memory.values())


def networks(thing: Any) -> dict[str, torch.nn.Module]:
    """Networks within an object by their place."""
    return {place: leaf for place, leaf in leaves(thing) if isinstance(leaf, torch.nn.Module)}


def _parts(place: str, one: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(one, Mapping):
        yield from ((f"{place}[{key!r}]", value) for key, value in list(one.items()))
    elif isinstance(one, (list, tuple, deque)):
        yield from ((f"{place}[{i}]", value) for i, value in enumerate(one))
    elif isinstance(one, (set, frozenset)):
        yield from ((f"{place}{{{i}}}", value) for i, value in enumerate(sorted(one, key=repr)))
    if isinstance(one, functools.partial):
        inner = {"func": one.func, "args": one.args, "keywords": one.keywords}
        yield from ((f"{place}.{name}", value) for name, value in inner.items())
    names = [*getattr(one, "__dict__", ())]
    for kind in type(one).__mro__:
        slots = vars(kind).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    if dataclasses.is_dataclass(one):
        names += [field.name for field in dataclasses.fields(one)]
    for name in dict.fromkeys(names):
        if hasattr(one, name):
            yield (f"{place}.{name}" if place else name), getattr(one, name)
