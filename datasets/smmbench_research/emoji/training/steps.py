"""Cheap training steps of small models: one buffer and one launch.

With small models, a GPU mostly waits: for one launch per parameter in the optimiser, and for Python
between the launches of a pass. `flatten_` places parameters in one buffer, so that the optimiser,
the average over processes and the average over time each work on one tensor. `Recorded` records a
function as a CUDA graph and replays it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

ALIGNMENT = 32  # elements: 128 bytes in full precision, more than any vectorised kernel requires
WARM_UP = 2  # calls before recording, in which libraries choose kernels and buffers

T = TypeVar("T")


def views(flat: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return consecutive, aligned views of `flat` with the shapes of `tensors`.

    A view keeps the strides of its tensor if they are those of `torch.channels_last`.
    """
    found, start = [], 0
    for tensor in tensors:
        view = flat[start : start + tensor.numel()].view(tensor.shape)
        if not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last):
            view = flat.as_strided(tensor.shape, tensor.stride(), start)
        found.append(view)
        start += _aligned(tensor)
    return found


@torch.no_grad()
def flatten_(tensors: Sequence[Tensor]) -> Tensor:
    """Move tensors of one type and device into one new buffer; each becomes a view of it.

    Returns:
        The buffer (1-D); the gaps between tensors are zero.

    Raises:
        ValueError: There are no tensors.
    """
    if not tensors:
        raise ValueError("Nothing to train: no parameter requires a gradient.")
    flat = tensors[0].new_zeros(sum(map(_aligned, tensors)))
    for tensor, view in zip(tensors, views(flat, tensors), strict=True):
        view.copy_(tensor)
        tensor.data = view
    return flat


def _aligned(tensor: Tensor) -> int:
    return -(-tensor.numel() // ALIGNMENT) * ALIGNMENT


class Recorded(Generic[T]):
    """A function without arguments that is recorded once as a CUDA graph, then replayed.

    Each replay writes the result to the same memory. The function must not read values on the host
    (`float(tensor)`, `if tensor:`), and everything that differs between calls must come from
    tensors that are changed in place or from the GPU's random generator. On a CPU, every call is an
    ordinary call.

    Args:
        function: The function to record.
        device: Device of the computation.
    """

    def __init__(self, function: Callable[[], T], device: torch.device) -> None:
        self.function, self.device = function, device
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: T

    def __call__(self) -> T:
        """Compute; the third call records."""
        if self.device.type != "cuda":
            return self.function()
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._aside()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            # NCCL's threads query events meanwhile, which must not break the recording.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._result = self.function()
        self._graph.replay()
        return self._result

    def _aside(self) -> T:
        """Compute on a separate stream, as the recording will."""
        here, aside = torch.cuda.current_stream(self.device), torch.cuda.Stream(self.device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            result = self.function()
        here.wait_stream(aside)
        return result
