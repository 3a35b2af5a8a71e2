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
"""What was tuned on one clip, by name of the tensor."""


def cached_adapters(
    origins: Sequence[Mapping[str, Any]],
    tune: Callable[[Sequence[int]], Sequence[Adapter]],
    device: str | torch.device,
) -> list[Adapter]:
    """Give the adapters that were kept for these origins; tune the others together, and keep them.

    See `kept_or_made`: an entry that is not whole is tuned again, and what a kept one took is
    counted.

    Args:
        origins: For each clip everything that its adapter depends on, pixels and weights by hash.
        tune: Makes the adapters of the clips of these places; called at most once.
        device: Where the adapters are wanted.
    """
    return kept_or_made([adapter_path(origin) for origin in origins], tune, device)


def adapter_path(origin: Mapping[str, Any]) -> Path:
    """Where the adapter of this origin is kept."""
    key = origin_key(origin)
    return home() / "cache" / "adapters" / key[:2] / f"{key}.safetensors"
