"""Random draws that do not depend on the device or on what else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor


def generators(seeds: Sequence[int]) -> list[Generator]:
    """One generator a sample. They live on the CPU: its numbers are the same everywhere."""
    return [Generator("cpu").manual_seed(seed) for seed in seeds]


def noise(
    like: Float[Tensor, "batch ..."], generators: Generator | Sequence[Generator]
) -> Float[Tensor, "batch ..."]:
    """Standard normal noise of the shape and on the device of `like`.

    Args:
        like: Gives shape, type and device.
        generators: One for each sample, so that a sample's noise is its own in any batch; or one
            for all of them.

    Raises:
        ValueError: The number of generators is not the number of samples.
    """
    if isinstance(generators, Generator):
        drawn = torch.randn(like.shape, generator=generators)
    elif len(generators) == len(like):
        drawn = torch.stack([torch.randn(like.shape[1:], generator=one) for one in generators])
    else:
        raise ValueError(f"{len(like)} samples need as many generators, got {len(generators)}.")
    return drawn.to(like)
