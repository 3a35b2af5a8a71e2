"""Random numbers that do not depend on the device or on the other samples of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor


def generators(seeds: Sequence[int]) -> list[Generator]:
    """One generator per sample, on the CPU, whose numbers are the same on every machine."""
    return [Generator("cpu").manual_seed(seed) for seed in seeds]


def noise(
    like: Float[Tensor, "batch ..."], generators: Generator | Sequence[Generator]
) -> Float[Tensor, "batch ..."]:
    """Standard normal noise with the shape and on the device of `like`.

    Args:
        like: Determines shape, type and device.
        generators: One per sample, so that a sample's noise is the same in any batch; or one
            for all of them.

    Raises:
        ValueError: A sequence of generators does not have one for each sample.
    """
    if isinstance(generators, Generator):
        drawn = torch.randn(like.shape, generator=generators)
    elif len(generators) == len(like):
        drawn = torch.stack([torch.randn(like.shape[1:], generator=one) for one in generators])
    else:
        raise ValueError(f"{len(like)} samples need one generator each, got {len(generators)}.")
    return drawn.to(like)
