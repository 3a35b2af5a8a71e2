"""Inverted clips, kept on disk: inverted once for all prompts, runs and processes.

The folder is bounded: `SMMBENCH_LATENT_CACHE_GB` (default 20; 0 keeps nothing), and what was used
longest ago goes first. A clip of 24 frames of 576x320 takes 56 MB.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from smmbench.atomic import atomic_path, remove_leftovers
from smmbench.diffusion.backbone import Backbone
from smmbench.environment import peak_memory, synchronize
from smmbench.home import folder_sha256, home
from smmbench.kept import count_kept
from smmbench.metrics.array_cache import origin_key

Latents = dict[int, Tensor]
"""Latents of one clip, by timestep."""

VERSION = 1
"""To be raised with every change of the code that changes inverted latents."""

LIMIT = "SMMBENCH_LATENT_CACHE_GB"


@dataclass(frozen=True, eq=False)
class Entry:
    """What is kept of one clip.

    Attributes:
        latents: On the CPU.
        seconds: Its inversion took, as its share of those made together.
        peak: Bytes of memory at the highest, of all of them together.
    """

    latents: Latents
    seconds: float
    peak: int


def cached_latents(
    origins: Sequence[Mapping[str, Any]],
    make: Callable[[Sequence[int]], Sequence[Latents]],
    device: str | torch.device,
) -> list[Latents]:
    """Give the latents that were kept for these origins; make the others together, and keep them.

    An entry that is not whole, by the hash within, is made again. Seconds and memory that it took
    are counted again where it is taken, so that a record's cost is that of a run without a cache.

    Args:
        origins: For each clip everything that its latents depend on, pixels and weights by hash.
        make: Makes the latents of the clips of these places; called at most once.
        device: Where the latents are wanted.

    Raises:
        ValueError: The bound is no number of 0 or more.
    """
    limit = cache_bytes()
    if not limit:
        return list(make(range(len(origins))))
    paths = [latents_path(origin) for origin in origins]
    entries = {place: _read(path) for place, path in enumerate(paths)}
    latents = {}
    for place, entry in entries.items():
        if entry is not None:
            latents[place] = {t: x.to(device) for t, x in entry.latents.items()}
            count_kept(entry.seconds, entry.peak)
    missing = [place for place in entries if place not in latents]
    if missing:
        clock = time.perf_counter()
        made = make(missing)
        synchronize(str(device))
        seconds, peak = (time.perf_counter() - clock) / len(missing), peak_memory(str(device))
        for place, one in zip(missing, made, strict=True):
            latents[place] = one
            _write(paths[place], Entry(one, seconds, peak), limit)
    return [latents[place] for place in range(len(origins))]


def inversion_origin(
    backbone: Backbone, pixels_sha256: str, prompt: str, **how: Any
) -> dict[str, Any]:
    """Everything that the inverted latents of a clip depend on.

    Args:
        backbone: The model: its weights, configurations and tokenizer count by their hashes.
        pixels_sha256: The clip's.
        prompt: It is inverted with.
        how: Parameters of the inversion.
    """
    denoiser = backbone.denoiser
    return {
        "version": VERSION,
        "torch": torch.__version__,
        "pixels": pixels_sha256,
        "weights": backbone.weights(),
        "files": [folder_sha256(backbone.folder, f"*.{end}") for end in ("json", "txt")],
        "prompt": prompt,
        "dtype": str(next(denoiser.unet.parameters()).dtype),
        "device": backbone.device.type,
        "compiled": denoiser.compiled is not None,
        **how,
    }


def cache_bytes() -> int:
    """How much may be kept, in bytes; 0: nothing.

    Raises:
        ValueError: The environment variable is no number of 0 or more.
    """
    told = os.environ.get(LIMIT) or "20"
    try:
        gigabytes = float(told)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise ValueError(f"{LIMIT} must be a number of gigabytes, 0 or more, got '{told}'.")
    return int(gigabytes * 1e9)


def latents_path(origin: Mapping[str, Any]) -> Path:
    """Where the latents of this origin are kept."""
    return home() / "cache" / "latents" / f"{origin_key(origin)}.safetensors"


def _write(path: Path, entry: Entry, limit: int) -> None:
    """Keep an entry, if it fits the bound, and let go of what was used longest ago."""
    latents = {str(t): x.detach().cpu().clone() for t, x in entry.latents.items()}
    if sum(x.nbytes for x in latents.values()) > limit:
        return
    told = {"seconds": repr(entry.seconds), "peak_memory_bytes": str(entry.peak)}
    told["sha256"] = _sha256(path.stem, told, latents)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        with atomic_path(path) as temporary:
            save_file(latents, temporary, told)
        _trim(path.parent, limit)
    except (OSError, SafetensorError) as error:  # minutes of work are in hand: go on with them
        warnings.warn(f"Latents are not kept in {path.parent}: {error}", stacklevel=2)


def _read(path: Path) -> Entry | None:
    try:
        with safe_open(path, framework="pt") as file:
            latents = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            told = dict(file.metadata() or {})
        if told.pop("sha256") != _sha256(path.stem, told, latents):
            return None
        os.utime(path)  # used now
        seconds, peak = float(told["seconds"]), int(told["peak_memory_bytes"])
        return Entry({int(t): x for t, x in latents.items()}, seconds, peak)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def _trim(folder: Path, limit: int) -> None:
    """Remove the files that were used longest ago until the others fit."""
    found = []
    for path in folder.glob("*.safetensors"):
        try:
            told = path.stat()
        except FileNotFoundError:  # another run has let it go
            continue
        found.append((told.st_mtime_ns, told.st_size, path))
    held = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if held <= limit:
            return
        path.unlink(missing_ok=True)
        held -= size


def _sha256(key: str, told: Mapping[str, str], latents: Mapping[str, Tensor]) -> str:
    """Hash of all that an entry says, its own key too: an entry under another name is none."""
    digest = hashlib.sha256(f"{key} {sorted(told.items())}\n".encode())
    for name, x in sorted(latents.items()):
        digest.update(f"{name} {x.dtype} {tuple(x.shape)}\n".encode())
        digest.update(x.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
