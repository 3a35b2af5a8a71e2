"""What was tuned on a clip, kept on disk: tuned once for all runs that ask for the same."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from smmbench.atomic import atomic_path, remove_leftovers
from smmbench.environment import peak_memory, synchronize
from smmbench.home import home
from smmbench.kept import count_kept
from smmbench.metrics.array_cache import origin_key

Adapter = dict[str, Tensor]
"""What was tuned on one clip, by name of the tensor."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What the cache holds of one clip.

    Attributes:
        adapter: What was tuned.
        seconds: The tuning took, over the clips that were tuned together.
        peak: Bytes of memory at the highest, of all of them together.
    """

    adapter: Adapter
    seconds: float
    peak: int


def cached_adapters(
    origins: Sequence[Mapping[str, Any]],
    tune: Callable[[Sequence[int]], Sequence[Adapter]],
    device: str | torch.device,
) -> list[Adapter]:
    """Give the adapters that were kept for these origins; tune the others together, and keep them.

    An entry that is not whole, by its own hash, is tuned again. A killed process leaves nothing
    that would be taken for whole. Seconds and memory that an adapter took are kept beside it, and
    counted again where it is taken, so that a record's cost is that of a run without a cache.

    Args:
        origins: For each clip everything that its adapter depends on, pixels and weights by hash.
        tune: Makes the adapters of the clips of these places; called at most once.
        device: Where the adapters are wanted.
    """
    found = {place: _read(adapter_path(origin)) for place, origin in enumerate(origins)}
    adapters: dict[int, Adapter] = {}
    for place, entry in found.items():
        if entry is not None:
            adapters[place] = entry.adapter
            count_kept(entry.seconds, entry.peak)
    missing = [place for place in found if place not in adapters]
    clock = time.perf_counter()
    tuned = list(tune(missing)) if missing else []
    synchronize(str(device))
    seconds = (time.perf_counter() - clock) / max(len(missing), 1)
    for place, adapter in zip(missing, tuned, strict=True):
        entry = Entry(adapter, seconds, peak_memory(str(device)))
        _write(adapter_path(origins[place]), entry)
        adapters[place] = adapter
    return [
        {name: tensor.to(device) for name, tensor in adapters[place].items()}
        for place in range(len(origins))
    ]


def adapter_path(origin: Mapping[str, Any]) -> Path:
    """Where the adapter of this origin is kept."""
    key = origin_key(origin)
    return home() / "cache" / "adapters" / key[:2] / f"{key}.safetensors"


def _write(path: Path, entry: Entry) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in entry.adapter.items()}
    told = {
        "sha256": _sha256(tensors),
        "seconds": repr(entry.seconds),
        "peak_memory_bytes": str(entry.peak),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, told))


def _read(path: Path) -> Entry | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            told = file.metadata() or {}
        if told["sha256"] != _sha256(tensors):
            return None
        return Entry(tensors, float(told["seconds"]), int(told["peak_memory_bytes"]))
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def _sha256(tensors: Adapter) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
