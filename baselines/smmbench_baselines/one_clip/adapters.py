"""Adapters tuned on a clip, cached on disk and shared by all runs that need the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from smmbench.storage.array_cache import origin_key
from smmbench.storage.home import home
from smmbench.storage.tensor_cache import kept_or_made

Adapter = dict[str, Tensor]
"""Tensors tuned on one clip, by name."""


def cached_adapters(
    origins: Sequence[Mapping[str, Any]],
    tune: Callable[[Sequence[int]], Sequence[Adapter]],
    device: str | torch.device,
) -> list[Adapter]:
    """Return the cached adapters of these origins; tune the missing ones together and cache them.

    See `kept_or_made`: a damaged entry is tuned again, and the time that a cached one took is
    counted.

    Args:
        origins: For each clip, everything that its adapter depends on, pixels and weights by hash.
        tune: Tunes the adapters of the clips at these positions; called at most once.
        device: Device of the result.
    """
    return kept_or_made([adapter_path(origin) for origin in origins], tune, device)


def adapter_path(origin: Mapping[str, Any]) -> Path:
    """The path of the cached adapter of this origin."""
    key = origin_key(origin)
    return home() / "cache" / "adapters" / key[:2] / f"{key}.safetensors"
