"""What makes a small model's training step cheap: one buffer, and one launch.

Small models leave a GPU waiting: for a launch per parameter in the optimiser, and for Python
between the launches of a pass. `flatten_` lays parameters side by side, so that the optimiser, the
average over processes and the average over time work on one tensor each. `Recorded` records a
function as a CUDA graph and replays it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

ALIGNMENT = 32  # elements: 128 bytes in full precision, more than any vectorised kernel asks for
WARM_UP = 2  # calls before the recording: libraries choose their kernels and buffers in them

T = TypeVar("T")


def views(flat: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Views of `flat` with the shapes of `tensors`, one behind the other, aligned.

    A view keeps the strides of its tensor where they are those of `torch.channels_last`.
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
        The buffer (1-D); what lies between two tensors is zero.

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

    What it returns is written to the same memory at each replay. It must not look at values on the
    host (`float(tensor)`, `if tensor:`), and everything that differs between calls has to come from
    tensors that are changed in place or from the GPU's random generator. On a CPU every call is an
    ordinary one.

    Args:
        function: What to record.
        device: Where it computes.
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
            # Threads of NCCL ask for events meanwhile, which must not break the recording.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._result = self.function()
        self._graph.replay()
        return self._result

    def _aside(self) -> T:
        """Compute on a stream of its own, as the recording will."""
        here, aside = torch.cuda.current_stream(self.device), torch.cuda.Stream(self.device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            result = self.function()
        here.wait_stream(aside)
        return result
