"""A large text encoder that is loaded for new prompts only and then released.

UMT5-XXL, the text encoder of Wan, takes four times the memory of the small transformer and is
needed for about a second. The states of a prompt are cached: in memory, and on disk under
`SMMBENCH_HOME/cache/texts`, by a hash of its weights, tokenizer and prompt.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from smmbench.diffusion.acceleration.memory import GIB, free_bytes, release
from smmbench.diffusion.text import Text, TextEncoder
from smmbench.storage.array_cache import origin_key
from smmbench.storage.bounded_cache import cache_bytes, write_within
from smmbench.storage.home import home
from smmbench.storage.tensor_cache import Tensors, kept_or_made

VERSION = 1
"""Raise this with every code change that alters text states."""

MET = 256
"""Number of prompts whose states are kept in memory."""


class TextOnDemand:
    """Replaces a text encoder.

    Args:
        load: Loads the text encoder on a device.
        size: Size of its weights in bytes.
        width: Width of the text states.
        origin: Everything that its states depend on besides the prompt; None caches nothing on
            disk.
    """

    def __init__(
        self,
        load: Callable[[torch.device], TextEncoder],
        size: int,
        width: int,
        origin: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._load, self._size, self.width, self._origin = load, size, width, origin
        self._met: dict[str, Text] = {}

    @torch.no_grad()
    def embed(self, prompts: Sequence[str], device: torch.device) -> Text:
        """Text states of prompts, equal to those of `TextEncoder.embed`, each encoded alone."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._met]
        if new:
            while len(self._met) > MET:
                del self._met[next(iter(self._met))]
            self._met |= zip(new, self._kept_or_made(new, device), strict=True)
        return torch.cat([self._met[prompt] for prompt in prompts]).to(device).float()

    def _kept_or_made(self, prompts: Sequence[str], device: torch.device) -> list[Text]:
        limit = cache_bytes()
        if self._origin is None or not limit:
            return self._encode(prompts, device)
        origin = {"version": VERSION, "device": device.type, **self._origin()}
        paths = [text_path({**origin, "prompt": prompt}) for prompt in prompts]

        def make(places: Sequence[int]) -> list[Tensors]:
            made = self._encode([prompts[place] for place in places], device)
            return [{"states": states} for states in made]

        found = kept_or_made(
            paths, make, "cpu", lambda path, entry: write_within(path, entry, limit)
        )
        return [one["states"] for one in found]

    def _encode(self, prompts: Sequence[str], device: torch.device) -> list[Text]:
        """Load the encoder, encode the prompts and release it."""
        where = device if self._size * 1.15 < free_bytes(device) else torch.device("cpu")
        if where != device:
            warnings.warn(
                f"The text encoder ({self._size / GIB:.1f} GiB) does not fit next to the "
                f"network on {device} and encodes {len(prompts)} prompts on the CPU.",
                stacklevel=4,
            )
        encoder = self._load(where)
        dtype = next(encoder.network.parameters()).dtype
        # One by one, so that a prompt's states do not depend on its neighbours.
        states: list[Tensor] = [encoder.embed([one], where).to("cpu", dtype) for one in prompts]
        del encoder
        release()
        return states


def text_path(origin: Mapping[str, Any]) -> Path:
    """The path of the cached text states of this origin."""
    return home() / "cache" / "texts" / f"{origin_key(origin)}.safetensors"
