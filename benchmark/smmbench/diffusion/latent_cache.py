"""Inverted clips, kept on disk: inverted once for all prompts, runs and processes.

The folder is bounded: `SMMBENCH_LATENT_CACHE_GB` (default 20; 0 keeps nothing), and what was used
longest ago goes first. A clip of 24 frames of 576x320 takes 56 MB.
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
"""To be raised with every change of the code that changes inverted latents."""


def cached_latents(
    origins: Sequence[Mapping[str, Any]],
    make: Callable[[Sequence[int]], Sequence[Latents]],
    device: str | torch.device,
) -> list[Latents]:
    """Give the latents that were kept for these origins; make the others together, and keep them.

    See `kept_or_made`: an entry that is not whole is made again, and what a kept one took is
    counted.

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
        pixels_sha256: The clip's.
        prompt: It is inverted with.
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
    """A timestep as the schedule has it: a whole number where it counts them."""
    return float(name) if "." in name or "e" in name else int(name)


def latents_path(origin: Mapping[str, Any]) -> Path:
    """Where the latents of this origin are kept."""
    return home() / "cache" / "latents" / f"{origin_key(origin)}.safetensors"
