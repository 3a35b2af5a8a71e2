"""What was tuned on a clip, kept on disk: tuned once for all runs that ask for the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from smmbench.atomic import atomic_path, remove_leftovers
from smmbench.home import home
from smmbench.metrics.array_cache import origin_key

Adapter = dict[str, Tensor]
"""What was tuned on one clip, by name of the tensor."""


def cached_adapters(
    origins: Sequence[Mapping[str, Any]],
    tune: Callable[[Sequence[int]], Sequence[Adapter]],
    device: str | torch.device,
) -> list[Adapter]:
    """Give the adapters that were kept for these origins; tune the others together, and keep them.

    An entry that is not whole, by its own hash, is tuned again. A killed process leaves nothing
    that would be taken for whole.

    Args:
        origins: For each clip everything that its adapter depends on, pixels and weights by hash.
        tune: Makes the adapters of the clips of these places; called at most once.
        device: Where the adapters are wanted.
    """
    kept = {place: _read(adapter_path(origin)) for place, origin in enumerate(origins)}
    missing = [place for place, adapter in kept.items() if adapter is None]
    for place, adapter in zip(missing, tune(missing) if missing else (), strict=True):
        _write(adapter_path(origins[place]), adapter)
        kept[place] = adapter
    return [
        {name: tensor.to(device) for name, tensor in adapter.items()}
        for adapter in kept.values()
        if adapter is not None
    ]


def adapter_path(origin: Mapping[str, Any]) -> Path:
    """Where the adapter of this origin is kept."""
    key = origin_key(origin)
    return home() / "cache" / "adapters" / key[:2] / f"{key}.safetensors"


def _write(path: Path, adapter: Adapter) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {"sha256": _sha256(tensors)}))


def _read(path: Path) -> Adapter | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            told = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    return tensors if told == _sha256(tensors) else None


def _sha256(tensors: Adapter) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
