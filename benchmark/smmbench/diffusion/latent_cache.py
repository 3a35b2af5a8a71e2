"""Disk cache of inverted clips, shared by all prompts, runs and processes.

The folder's size is limited by `SMMBENCH_LATENT_CACHE_GB` (default 20; 0 caches nothing); the least
recently used entries are removed first. A clip of 24 frames of 576x320 takes 56 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from smmbench.diffusion.backbone import Backbone
from smmbench.diffusion.schedule import Timestep
from smmbench.storage.array_cache import origin_key
from smmbench.storage.bounded_cache import LIMIT, cache_bytes, write_within
from smmbench.storage.home import home
from smmbench.storage.tensor_cache import Tensors, kept_or_made

Latents = dict[Timestep, Tensor]
"""Latents of one clip, by timestep."""

__all__ = ["LIMIT", "Latents", "cache_bytes", "cached_latents", "inversion_origin", "latents_path"]

VERSION = 1
"""Raise this with every code change that alters inverted latents."""


def cached_latents(
    origins: Sequence[Mapping[str, Any]],
    make: Callable[[Sequence[int]], Sequence[Latents]],
    device: str | torch.device,
) -> list[Latents]:
    """Return cached latents for these origins; compute the missing ones together and cache them.

    See `kept_or_made`: a damaged entry is computed again, and the time that a cached one took is
    counted.

    Args:
        origins: For each clip, everything that its latents depend on, pixels and weights by hash.
        make: Computes the latents of the clips at these positions; called at most once.
        device: Device of the result.

    Raises:
        ValueError: The limit is not a number of 0 or more.
    """
    limit = cache_bytes()
    if not limit:
        return list(make(range(len(origins))))

    def named(places: Sequence[int]) -> list[Tensors]:
        return [{str(t): x for t, x in one.items()} for one in make(places)]

    paths = [latents_path(origin) for origin in origins]
    found = kept_or_made(paths, named, device, lambda path, entry: write_within(path, entry, limit))
    return [{_timestep(name): x for name, x in one.items()} for one in found]


def inversion_origin(
    backbone: Backbone, pixels_sha256: str, prompt: str, **how: Any
) -> dict[str, Any]:
    """Everything that the inverted latents of a clip depend on.

    Args:
        backbone: The model: its weights, configurations and tokenizer count by their hashes.
        pixels_sha256: Hash of the clip's pixels.
        prompt: The prompt with which it is inverted.
        how: Parameters of the inversion.
    """
    denoiser, network = backbone.denoiser, backbone.denoiser.network
    return {
        "version": VERSION,
        **backbone.origin(),
        "pixels": pixels_sha256,
        "prompt": prompt,
        "dtype": str(denoiser.dtype),
        "compiled": denoiser.compiled is not None,
        "float8": any(one.dtype == torch.float8_e4m3fn for one in network.buffers()),
        **how,
    }


def _timestep(name: str) -> Timestep:
    """A timestep in the schedule's type: an integer if its timesteps are integers."""
    return float(name) if "." in name or "e" in name else int(name)


def latents_path(origin: Mapping[str, Any]) -> Path:
    """The path of the cached latents of this origin."""
    return home() / "cache" / "latents" / f"{origin_key(origin)}.safetensors"
