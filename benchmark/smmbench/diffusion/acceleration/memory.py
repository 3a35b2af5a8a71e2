"""How much of a device's memory this process may take, and what to do where that is not enough."""

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
    """Bytes of a device that this process may take; infinite where nobody says."""
    if device.type != "cuda":
        return math.inf
    index = torch.cuda.current_device() if device.index is None else device.index
    _, total = torch.cuda.mem_get_info(index)
    untyped: Any = torch.cuda.memory
    share = getattr(untyped, "get_per_process_memory_fraction", lambda _index: 1.0)
    return float(share(index)) * total


def free_bytes(device: torch.device) -> float:
    """Bytes of a device that this process may still take; infinite where nobody says."""
    if device.type != "cuda":
        return math.inf
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_allocated(device)
    cached = torch.cuda.memory_reserved(device) - held
    return float(min(free + cached, capacity(device) - held))


def release() -> None:
    """Give cached memory back to the device."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


class Economy:
    """Steps towards less memory, taken one after the other as memory runs out.

    Args:
        steps: Each in words ("from here on ..."), and what takes it.

    Attributes:
        taken: The words of those that were taken.
    """

    def __init__(self, *steps: tuple[str, Callable[[], object]]) -> None:
        self._left = list(steps)
        self.taken: list[str] = []

    def __call__(self) -> str:
        """Take the next step and say it in words; empty where there is none."""
        if not self._left:
            return ""
        words, take = self._left.pop(0)
        take()
        self.taken.append(words)
        return words


def sparingly(work: Callable[[], ResultT], spare: Callable[[], str]) -> ResultT:
    """Do work; where memory runs out, take a step towards less memory and do it again.

    Args:
        work: What to do; it may be begun anew.
        spare: An `Economy`, or another that takes its next step and says it.

    Raises:
        torch.cuda.OutOfMemoryError: There is no further step.
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
