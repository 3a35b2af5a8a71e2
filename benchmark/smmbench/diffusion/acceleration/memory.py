"""How much of a device's memory this process may use, and what to do when it runs out."""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch

GIB = 2**30
ResultT = TypeVar("ResultT")


def capacity(device: torch.device) -> float:
    """Bytes of a device that this process may use; infinite if there is no known limit."""
    if device.type != "cuda":
        return math.inf
    index = torch.cuda.current_device() if device.index is None else device.index
    _, total = torch.cuda.mem_get_info(index)
    untyped: Any = torch.cuda.memory
    share = getattr(untyped, "get_per_process_memory_fraction", lambda _index: 1.0)
    return float(share(index)) * total


def free_bytes(device: torch.device) -> float:
    """Bytes of a device that this process may still use; infinite if there is no known limit."""
    if device.type != "cuda":
        return math.inf
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_allocated(device)
    cached = torch.cuda.memory_reserved(device) - held
    return float(min(free + cached, capacity(device) - held))


def release() -> None:
    """Return cached memory to the device."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


class Economy:
    """Measures that save memory, taken one after the other as memory runs out.

    Args:
        steps: For each measure, a description that completes "from here on ...", and a function.

    Attributes:
        taken: Descriptions of the measures that were taken.
    """

    def __init__(self, *steps: tuple[str, Callable[[], object]]) -> None:
        self._left = list(steps)
        self.taken: list[str] = []

    def __call__(self) -> str:
        """Take the next measure and return its description; an empty string if none is left."""
        if not self._left:
            return ""
        words, take = self._left.pop(0)
        take()
        self.taken.append(words)
        return words


def sparingly(work: Callable[[], ResultT], spare: Callable[[], str]) -> ResultT:
    """Do work; if memory runs out, take the next measure that saves memory and start again.

    Args:
        work: What to do; it may be started more than once.
        spare: An `Economy`, or another function that takes its next measure and describes it.

    Raises:
        torch.cuda.OutOfMemoryError: No measure is left.
    """
    while True:
        try:
            return work()
        except torch.cuda.OutOfMemoryError as error:
            step = spare()
            if not step:
                raise
            error.__traceback__ = None  # its frames hold what filled the memory
        release()
        warnings.warn(f"The device's memory ran out; from here on {step}.", stacklevel=3)
