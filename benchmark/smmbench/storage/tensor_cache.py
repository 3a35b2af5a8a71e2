"""Cache of tensors that are expensive to compute: complete entries are reused."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from smmbench.environment import peak_memory, synchronize
from smmbench.storage.atomic import atomic_path, remove_leftovers
from smmbench.storage.cached_cost import count_kept

Tensors = dict[str, Tensor]
"""What is kept of one clip, by name."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What the cache holds of one clip.

    Attributes:
        tensors: What was made.
        seconds: It took, as its share of those that were made together.
        peak: Bytes of memory at the highest, of all of them together.
    """

    tensors: Tensors
    seconds: float
    peak: int


def write_entry(path: Path, entry: Entry) -> None:
    """Write an entry; a killed process leaves nothing that would be taken for whole."""
    # Clones: tensors of one batch share their memory, which a file cannot say.
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in entry.tensors.items()
    }
    told = {"seconds": repr(entry.seconds), "peak_memory_bytes": str(entry.peak)}
    told["sha256"] = _sha256(path.stem, told, tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, told)


def read_entry(path: Path) -> Entry | None:
    """Read an entry, which counts as its use; None if it is not there, or not whole by its hash."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            told = dict(file.metadata() or {})
        if told.pop("sha256") != _sha256(path.stem, told, tensors):
            return None
        entry = Entry(tensors, float(told["seconds"]), int(told["peak_memory_bytes"]))
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    with suppress(OSError):  # read only, or let go of since
        os.utime(path)
    return entry


def kept_or_made(
    paths: Sequence[Path],
    make: Callable[[Sequence[int]], Sequence[Tensors]],
    device: str | torch.device,
    keep: Callable[[Path, Entry], None] = write_entry,
) -> list[Tensors]:
    """Return the cached entries of these paths; compute the rest together, and cache it.

    The time and memory of an entry are counted again when it is reused, so that a record's cost is
    that of a run without a cache.

    Args:
        paths: One for each clip, named by all that its tensors depend on.
        make: Makes the tensors of the clips of these places; called at most once.
        device: Where the tensors are wanted.
        keep: Writes an entry.
    """
    found: dict[int, Tensors] = {}
    for place, path in enumerate(paths):
        if entry := read_entry(path):
            found[place] = entry.tensors
            count_kept(entry.seconds, entry.peak)
    missing = [place for place in range(len(paths)) if place not in found]
    if missing:
        clock = time.perf_counter()
        made = make(missing)
        synchronize(str(device))
        seconds, peak = (time.perf_counter() - clock) / len(missing), peak_memory(str(device))
        for place, tensors in zip(missing, made, strict=True):
            found[place] = tensors
            keep(paths[place], Entry(tensors, seconds, peak))
    return [
        {name: tensor.to(device) for name, tensor in found[place].items()}
        for place in range(len(paths))
    ]


def _sha256(key: str, told: Mapping[str, str], tensors: Tensors) -> str:
    """Hash of all that an entry says, its own key too: an entry under another name is none."""
    digest = hashlib.sha256(f"{key} {sorted(told.items())}\n".encode())
    for name, x in sorted(tensors.items()):
        digest.update(f"{name} {x.dtype} {tuple(x.shape)}\n".encode())
        digest.update(x.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
